package events_test

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"adb-backup/events"
)

const fourMegabytes = 1 << 20

// fill repeats a part as often as it fits into an event of four megabytes.
func fill(head, part, tail string) string {
	return head + strings.Repeat(part, (fourMegabytes-len(head)-len(tail))/len(part)) + tail
}

func differentIDs(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size-20; i++ {
		fmt.Fprintf(&b, `,"am-%x"`, i)
	}
	return b.String()[1:]
}

// hugeEvents are the events of four megabytes that cost most, each for its kind.
var hugeEvents = []struct {
	name string
	make func() string
}{
	{"an array of empty strings", func() string { return fill(`[""`, `,""`, `]`) }},
	{"an array of the same id", func() string { return fill(`["am-1"`, `,"am-1"`, `]`) }},
	{"an array of requests for the same cluster", func() string { return fill(`["am-1"`, `,"am-1",{"DBClusterId":"am-1","MaxAge":"1h"}`, `]`) }},
	{"an array of different ids", func() string { return "[" + differentIDs(fourMegabytes-2) + "]" }},
	{"DBClusterIds of different ids", func() string { return `{"DBClusterIds":[` + differentIDs(fourMegabytes-19) + `]}` }},
	{"an array of small objects", func() string { return fill(`[{}`, `,{"a":1}`, `]`) }},
	{"an array of CloudEvents", func() string { return fill(`[{}`, `,{"specversion":1}`, `]`) }},
	{"an array of selectors", func() string {
		tags := `{"a":""` + strings.Repeat(`,"?":""`, 19) + `}`
		for c := 'b'; strings.Contains(tags, "?"); c++ {
			tags = strings.Replace(tags, "?", string(c), 1)
		}
		return fill(`[1`, `,{"DBClusterSelector":{"Tags":`+tags+`,"NotTags":`+tags+`},"RegionIds":["cn-a","cn-b","cn-c","cn-d"]}`, `]`)
	}},
	{"arrays in arrays", func() string { return strings.Repeat("[", fourMegabytes/2) + strings.Repeat("]", fourMegabytes/2) }},
	{"an array deep in data", func() string {
		return fill(`{"specversion":1,"data":`+strings.Repeat("[", 9000)+`""`, `,""`, strings.Repeat("]", 9000)+`}`)
	}},
	{"an object of fields", func() string { return fill(`{"":1`, `,"a":1`, `}`) }},
	{"data of fields", func() string { return fill(`{"specversion":1,"data":{"":1`, `,"a":1`, `}}`) }},
	{"data of escapes", func() string { return fill(`{"specversion":1,"data":{"":[1`, `,"\nxxx"`, `]}}`) }},
	{"DBClusterIds of words", func() string { return fill(`{"DBClusterIds":[1`, `,"xx-x"`, `]}`) }},
	{"strings in strings", func() string {
		s := fill(`{"DBClusterId":"am-1","RegionId":"\n`, "x", strings.Repeat(" ", 200)+`"}`)
		s = quote(quote(strings.Replace(s, strings.Repeat(" ", 200), "", 1)))
		return `[` + quote(`{"specversion":1,"data":`+s+`}`) + `]`
	}},
}

// Decode needs little memory beside the event, whatever the event holds.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	for _, huge := range hugeEvents {
		payload := []byte(huge.make())
		if len(payload) > fourMegabytes || len(payload) < fourMegabytes-1000 {
			t.Fatalf("%s: %d bytes", huge.name, len(payload))
		}
		if got := peak(payload); got > 32<<20 {
			t.Errorf("%s: %d MiB", huge.name, got>>20)
		}
	}
}

// peak returns how much memory Decode needs at a time, as far as samples show it.
func peak(payload []byte) (most int64) {
	inUse := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is in use counts, rather than what waits for the collector
	debug.FreeOSMemory()
	before := inUse()
	done := make(chan struct{})
	go func() {
		defer close(done)
		events.Decode(payload, withDefaults()) // its error does not matter here
	}()
	for {
		select {
		case <-done:
			return max(most, inUse()-before)
		case <-time.After(time.Millisecond):
			most = max(most, inUse()-before)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, payload := range samplePayloads(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				events.Decode(payload, withDefaults())
			}
		})
	}
	for _, huge := range hugeEvents {
		b.Run(huge.name, func(b *testing.B) {
			payload := []byte(huge.make())
			b.ReportAllocs()
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				events.Decode(payload, withDefaults())
			}
		})
	}
}

func TestAnEventOfMoreThanFourMegabytes(t *testing.T) {
	largest := fill(`{"DBClusterId":"am-1"`, " ", "}")
	same(t, must(t, largest, invocation()).Requests, requests(ensure("am-1", now, immediate)))
	same(t, must(t, "\ufeff "+largest+"\n", invocation()).Requests, requests(ensure("am-1", now, immediate)))
	event, err := events.Decode([]byte(" "+strings.Replace(largest, "{", "{ ", 1)), invocation())
	if err == nil || err.Error() != "the event has 4194305 bytes, at most 4194304 are possible" || event.Requests != nil || event.Trigger != "" {
		t.Errorf("%+v, %v", event, err)
	}
}

// The first hundred wrong items are described, and all are counted.
func TestManyWrongItems(t *testing.T) {
	event := must(t, `["am-1"`+strings.Repeat(`,"x"`, 100_000)+`,"am-2"]`, invocation())
	same(t, event.Requests, requests(ensure("am-1", now, immediate), ensure("am-2", now, immediate)))
	if len(event.Wrong) != 100 || event.Wrong[0].Position != 2 || event.Wrong[99].Position != 101 || event.WrongCount != 100_000 || event.Items != 100_002 {
		t.Errorf("%d described, %d wrong of %d", len(event.Wrong), event.WrongCount, event.Items)
	}
}
