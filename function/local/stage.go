package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
)

// stage is one run: the cloud, the function's processes, the event, and the results.
type stage struct {
	options
	std        streams
	screen     *screen
	scenario   scenario // its name is empty: nothing goes wrong
	incoming   incoming
	invocation fakefc.Invocation // what every delivery begins with
	env        []string          // the function's own
	service    *service          // AnalyticDB here; nil: the real one
	requested  atomic.Bool       // the function's log says that a backup was requested

	mu        sync.Mutex
	instances []*instance
	results   []*result // of the deliveries, in the order in which they began
}

// result is a delivery's result. Until there is one, its RequestID is empty.
type result struct {
	fakefc.Result
	untrue []string // what in the answer was not true
}

// instance is a process of the function, numbered.
type instance struct {
	*fakefc.Instance
	number int
	logged chan struct{} // gets a value when the log says that an invocation has ended
}

// drain waits until the log of an invocation is on the screen. The answer may arrive earlier.
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

func newStage(ctx context.Context, o options, std streams) (*stage, error) {
	s := &stage{options: o, std: std, screen: newScreen(std.out, std.environ)}
	var err error
	if o.fault != "" {
		if s.scenario, err = findScenario(o.fault); err != nil {
			return nil, err
		}
	}
	if s.incoming, err = receive(o, s.scenario.payload); err != nil {
		return nil, err
	}
	if o.real() {
		err = s.useReal(ctx)
	} else {
		err = s.useLocal()
	}
	return s, err
}

// useLocal starts AnalyticDB here.
func (s *stage) useLocal() error {
	t := s.times()
	s.invocation = fakefc.Invocation{
		Payload:     s.incoming.payload,
		Region:      localRegion,
		Timeout:     max(time.Minute, 3*t.takes),
		AccessKeyID: localKeyID, AccessKeySecret: localSecret, SecurityToken: localToken,
	}
	var err error
	if s.service, err = openService(); err != nil {
		return err
	}
	s.env = localEnv(s.service.address, t, s.std.environ)
	s.incoming.decode(s.invocation, s.env)

	now := s.service.Now()
	options := localOptions(s.clusters(), now)
	options.Takes = t.takes
	options.OnCall = s.showCall
	s.service.Add(history(options.Clusters, now, false)...)
	if s.scenario.cloud != nil {
		s.scenario.cloud(&options, t)
	}
	s.service.Set(func(o *fakeadb.Options) { *o = options })
	if s.scenario.prepare != nil {
		s.scenario.prepare(s)
	}
	return nil
}

// clusters are those that the event names.
func (s *stage) clusters() []backup.Cluster {
	var all []backup.Cluster
	for _, r := range s.incoming.event.Requests {
		if r.Selector == nil && !slices.Contains(all, r.Cluster) {
			all = append(all, r.Cluster)
		}
	}
	return all
}

// single reports whether the event names one cluster alone, so that the lines need not name it.
func (s *stage) single() bool {
	return len(s.incoming.event.Requests) == 1 && s.incoming.event.Requests[0].Selector == nil
}

// created are the backups that the function made.
func (s *stage) created() []fakeadb.Backup {
	return slices.DeleteFunc(s.service.Backups(""), func(b fakeadb.Backup) bool { return b.RequestID == "" })
}

// play shows what is about to happen, and lets it happen.
func (s *stage) play(ctx context.Context) error {
	s.introduce()
	if s.real() {
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
	where := "the local cloud: nothing leaves this machine, and it costs nothing"
	if s.real() {
		where = "the real AnalyticDB, with your credentials " + credentials.Hide(s.invocation.AccessKeyID)
	}
	s.screen.field("Cloud", where)
	if s.scenario.name != "" {
		s.screen.field("Fault", s.scenario.name+": "+s.scenario.says)
	}
	s.incoming.describe(s.screen)
	settings := s.binary + " in " + s.invocation.Region
	if !s.real() {
		settings += fmt.Sprintf("; a backup takes %v here,\nso ", s.takes) + strings.Join(s.times().settings(), " ")
	}
	s.screen.field("Function", settings)
	if kept := s.ownSettings(); len(kept) > 0 {
		s.screen.field("", "your own settings: "+strings.Join(kept, " "))
	}
}

// ownSettings are the person's settings that reach the function.
func (s *stage) ownSettings() []string {
	if s.real() {
		return settingsIn(s.std.environ)
	}
	return settingsIn(s.std.environ, localOnly...)
}

// launch starts a process of the function.
func (s *stage) launch() (*instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := &instance{number: len(s.instances) + 1, logged: make(chan struct{}, 10)}
	what := "log"
	if i.number > 1 {
		what = fmt.Sprint("log ", i.number)
	}
	var outNoise, errNoise sdkNoise
	var err error
	i.Instance, err = fakefc.Launch(fakefc.Command{
		Path: s.binary,
		Env:  s.env,
		Stdout: func(line string) {
			s.showLog(what, line, &outNoise)
			if strings.HasPrefix(line, invokeEnd) {
				i.logged <- struct{}{}
			}
		},
		Stderr: func(line string) { s.showLog(what, line, &errNoise) },
	})
	if err != nil {
		return nil, err
	}
	s.instances = append(s.instances, i)
	s.screen.event(bold, "start", fmt.Sprintf("process %d%s", i.Pid(), i.tag()))
	return i, nil
}

func (s *stage) newest() *instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instances[len(s.instances)-1]
}

// close ends everything that was started.
func (s *stage) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.instances {
		i.Close()
	}
	if s.service != nil {
		s.service.close()
	}
}

// interrupted says what Ctrl-C leaves behind.
func (s *stage) interrupted() string {
	const ended = "Interrupted. The function's process was ended"
	switch {
	case !s.real():
		return ended + "; nothing else is left behind."
	case s.requested.Load():
		return ended + ", but the backup that was requested goes on in the cloud, is kept and costs money. The same command with a MaxAge in the request, or adb-backup status, shows its state."
	case len(s.instances) > 0:
		return ended + ". Its log does not say that a backup was requested; if CreateBackup was on its way, one may go on in the cloud: adb-backup status shows it."
	}
	return "Interrupted. Nothing was called."
}
