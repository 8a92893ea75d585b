package bench

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"io"
	"os"
	"slices"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

func oneCluster(id string) string { return `{"DBClusterId":"` + id + `","RegionId":"cn-hangzhou"}` }

// pairs are measurements of the function and, right beside each, of the plain handler.
type pairs struct{ function, plain []float64 }

func (p *pairs) add(name string, v float64) {
	if name == "function" {
		p.function = append(p.function, v)
	} else {
		p.plain = append(p.plain, v)
	}
}

func (p *pairs) report(b *testing.B, unit string) {
	ratios := make([]float64, len(p.function))
	for i := range ratios {
		ratios[i] = p.function[i] / p.plain[i]
	}
	b.ReportMetric(median(p.function), unit)
	b.ReportMetric(median(ratios), unit+"-ratio")
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

var both = []string{"function", "plain"}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// BenchmarkStart is from the start of the process to its first question for an invocation, and to its first answer.
func BenchmarkStart(b *testing.B) {
	_, url := endpoint(b, fakeadb.Options{})
	var polls, answers, memory pairs
	for b.Loop() {
		slices.Reverse(both) // neither is always the first
		for _, name := range both {
			p := start(b, name, url)
			result := p.invoke(oneCluster("amv-wz9or2xawpnc"))
			answer := time.Since(p.started)
			polls.add(name, milliseconds(answer-result.Took))
			answers.add(name, milliseconds(answer))
			memory.add(name, p.peak())
			p.end()
		}
	}
	b.ReportMetric(0, "ns/op")
	polls.report(b, "poll-ms")
	answers.report(b, "answer-ms")
	memory.report(b, "peak-MiB")
}

// BenchmarkWarm is a direct invocation of a process that has had a hundred: how long it takes, what it uses of a
// processor, and the peak memory after thousands.
func BenchmarkWarm(b *testing.B) {
	const few, many = 100, 3000
	_, url := endpoint(b, fakeadb.Options{})
	var wall, cpu, memory pairs
	for b.Loop() {
		base := map[string]time.Duration{}
		for _, name := range both {
			p := start(b, name, url)
			for range few {
				p.invoke(oneCluster("amv-wz9or2xawpnc"))
			}
			base[name] = p.end()
		}
		// Both at once, by turns, so that the machine's other work meets both.
		process, took := map[string]*process{}, map[string]time.Duration{}
		for _, name := range both {
			process[name] = start(b, name, url)
		}
		for i := range (few + many) / few {
			for _, name := range both {
				for range few {
					if result := process[name].invoke(oneCluster("amv-wz9or2xawpnc")); i > 0 {
						took[name] += result.Took
					}
				}
			}
		}
		for _, name := range both {
			memory.add(name, process[name].peak())
			cpu.add(name, 1000*milliseconds(process[name].end()-base[name])/many)
			wall.add(name, 1000*milliseconds(took[name])/many)
		}
	}
	b.ReportMetric(0, "ns/op")
	wall.report(b, "wall-µs")
	cpu.report(b, "cpu-µs")
	memory.report(b, "peak-MiB")
}

// BenchmarkSize is that of the binary and of the zip that is uploaded.
func BenchmarkSize(b *testing.B) {
	var binaries, zips pairs
	for b.Loop() {
		for _, name := range both {
			content, err := os.ReadFile(binary(b, name))
			if err != nil {
				b.Fatal(err)
			}
			binaries.add(name, float64(len(content))/1e6)
			zips.add(name, float64(len(zipped(b, content)))/1e6)
		}
	}
	b.ReportMetric(0, "ns/op")
	binaries.report(b, "binary-MB")
	zips.report(b, "zip-MB")
}

// zipped is a zip as `make package` makes it.
func zipped(b *testing.B, content []byte) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	w, err := z.Create("main")
	if err == nil {
		_, err = w.Write(content)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}
