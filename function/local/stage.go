package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
)

// stage is one run: the clouds, the function's processes, the event, and what came of it.
type stage struct {
	options
	std       streams
	screen    *screen
	times     times
	scenario  scenario // its name is empty: nothing goes wrong
	delivered delivered
	service   *fakeadb.Service // nil: the real one

	env                  []string // the function's own
	keyID, secret, token string
	account              string
	timeout              time.Duration // the function's, where a delivery names none

	mu        sync.Mutex
	closers   []func()
	instances []*instance
	results   []fakefc.Result // of the deliveries, in the order of their beginnings
	lies      []string        // what the answers said and was not so
}

// instance is a process of the function, numbered.
type instance struct {
	*fakefc.Instance
	number int
	logged chan string // the end of an invocation was read from its log: what follows is not about it
}

// drain waits until the log of an invocation is on the screen; the answer may overtake it.
func (i *instance) drain() {
	select {
	case <-i.logged:
	case <-i.Exited():
	case <-time.After(time.Second):
	}
}

// tag names the instance where there is more than one.
func (i *instance) tag() string {
	if i.number == 1 {
		return ""
	}
	return fmt.Sprintf(", instance %d", i.number)
}

func newStage(o options, std streams) (*stage, error) {
	s := &stage{options: o, std: std, screen: newScreen(std.out, std.environ), times: timesFor(o.takes)}
	if o.fault != "" {
		var err error
		if s.scenario, err = findScenario(o.fault); err != nil {
			return nil, err
		}
	}
	s.delivered.source = o.event
	payload := []byte(s.scenario.payload)
	if s.scenario.payload != "" {
		s.delivered.source = "the fault's own"
	} else {
		var err error
		if payload, err = readEvent(o.event); err != nil {
			return nil, err
		}
	}
	if !o.asIs {
		payload, s.delivered.replaced = freshen(payload, time.Now())
	}
	s.delivered.payload = payload
	if o.real {
		return s, s.useReal()
	}
	return s, s.useLocal()
}

// useLocal starts AnalyticDB here.
func (s *stage) useLocal() error {
	if s.region == "" {
		s.region = localRegion
	}
	s.keyID, s.secret, s.token, s.account = localKeyID, localSecret, localToken, localAccount
	s.timeout = max(time.Minute, 3*s.times.takes)

	cloud := localOptions(s.options, s.times)
	cloud.OnCall = s.showCall
	if s.scenario.cloud != nil {
		s.scenario.cloud(&cloud, s.times)
	}
	s.service = fakeadb.New(cloud)
	address, closeIt, err := serve(s.service)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, closeIt)
	s.env = localEnv(address, s.times, s.std.environ)
	s.decode()
	s.service.Add(history(s.clusters(), s.service.Now())...)
	if s.scenario.prepare != nil {
		s.scenario.prepare(s)
	}
	return nil
}

// decode reads the event as the function will: this is for the screen alone, and the payload goes on untouched.
func (s *stage) decode() {
	env := environment(s.env)
	var clusters []string
	for id := range strings.SplitSeq(env["ADB_DEFAULT_CLUSTERS"], ",") {
		if id = strings.TrimSpace(id); id != "" {
			clusters = append(clusters, id)
		}
	}
	s.delivered.event, s.delivered.err = events.Decode(s.delivered.payload, events.Invocation{
		RequestID: fakefc.NewRequestID(time.Now()), Timeout: s.timeout, Region: s.region, Received: time.Now(), DefaultClusters: clusters,
	})
}

// clusters are those that the event names.
func (s *stage) clusters() []backup.Cluster {
	var all []backup.Cluster
	seen := map[backup.Cluster]bool{}
	for _, r := range s.delivered.event.Requests {
		if !seen[r.Cluster] {
			seen[r.Cluster] = true
			all = append(all, r.Cluster)
		}
	}
	return all
}

// created are the backups that the function made.
func (s *stage) created() []fakeadb.Backup {
	var made []fakeadb.Backup
	for _, b := range s.service.Backups("") {
		if b.RequestID != "" {
			made = append(made, b)
		}
	}
	return made
}

// play shows what is about to happen, and has it happen.
func (s *stage) play(ctx context.Context) error {
	s.introduce()
	if s.real {
		if err := s.confirm(); err != nil {
			return err
		}
	}
	s.screen.blank()
	s.screen.began = time.Now()
	ctx, cancel := context.WithCancel(ctx)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch(ctx)
	}()
	defer func() {
		cancel()
		<-watched
	}()
	if s.scenario.deliver != nil {
		return s.scenario.deliver(ctx, s)
	}
	return s.deliverOnce(ctx, delivery{})
}

func (s *stage) introduce() {
	where := "the local cloud: nothing leaves this machine, nothing costs"
	if s.real {
		where = "the real AnalyticDB, with credentials of " + credentials.Hide(s.keyID)
	}
	s.screen.field("Cloud", where)
	if s.scenario.name != "" {
		s.screen.field("Fault", s.scenario.name+": "+s.scenario.says)
	}
	s.delivered.describe(s.screen)
	settings := s.binary + " in " + s.region
	if !s.real {
		settings += fmt.Sprintf("; a backup takes %v here, so\n", s.times.takes) + strings.Join(s.env[1:5], " ")
	}
	s.screen.field("Function", settings)
	kept := own(s.std.environ)
	if !s.real {
		kept = own(s.std.environ, localOnly...)
	}
	if len(kept) > 0 {
		s.screen.field("", "your own settings: "+strings.Join(kept, " "))
	}
}

// launch starts a process of the function.
func (s *stage) launch() (*instance, error) {
	s.mu.Lock()
	number := len(s.instances) + 1
	s.mu.Unlock()
	what := "log"
	if number > 1 {
		what = fmt.Sprint("log ", number)
	}
	var outNoise, errNoise sdkNoise
	logged := make(chan string, 10)
	started, err := fakefc.Launch(fakefc.Command{
		Path: s.binary,
		Env:  s.env,
		Stdout: func(line string) {
			s.showLog(what, line, &outNoise)
			if id, is := strings.CutPrefix(line, invokeEnd); is {
				logged <- id
			}
		},
		Stderr: func(line string) { s.showLog(what, line, &errNoise) },
	})
	if err != nil {
		return nil, err
	}
	i := &instance{started, number, logged}
	s.mu.Lock()
	s.instances = append(s.instances, i)
	s.closers = append(s.closers, i.Close)
	s.mu.Unlock()
	s.screen.event(bold, "start", fmt.Sprintf("process %d%s", i.Pid(), i.tag()))
	return i, nil
}

func (s *stage) newest() *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instances[len(s.instances)-1]
}

// begin keeps a place for a delivery's result, and end fills it.
func (s *stage) begin() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results = append(s.results, fakefc.Result{})
	return len(s.results) - 1
}

func (s *stage) end(n int, r fakefc.Result, lies []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results[n] = r
	s.lies = append(s.lies, lies...)
}

// close ends everything that was started.
func (s *stage) close() {
	s.mu.Lock()
	closers := s.closers
	s.closers = nil
	s.mu.Unlock()
	for _, c := range closers {
		c()
	}
}
