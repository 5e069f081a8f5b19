package supervision

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// TestSupervisorEqualsModel is TestMachineEqualsModel with real processes: what they tell of their starts and stops
// must be what the model says.
func TestSupervisorEqualsModel(t *testing.T) {
	n := 2000
	if testing.Short() || raceEnabled {
		n = 200
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range n {
		inLab(t, func(l *lab) { (&twin{lab: l, seed: seed + uint64(i)}).run() })
		if t.Failed() {
			t.Fatalf("seed %d differs", seed+uint64(i))
		}
	}
}

// twin is a model and a real supervisor side by side.
type twin struct {
	*lab
	seed    uint64
	m       *model
	sup     *Supervisor
	verdict func(id string) string

	logMu sync.Mutex // protects log
	log   []string
}

func (w *twin) note(what, id string) {
	w.logMu.Lock()
	defer w.logMu.Unlock()
	w.log = append(w.log, what+" "+id)
}

func (w *twin) take() string {
	w.settle()
	w.logMu.Lock()
	defer w.logMu.Unlock()
	s := strings.Join(w.log, ", ")
	w.log = nil
	return s
}

type twinActor struct {
	w  *twin
	id string
}

func (a twinActor) Init(*actor.Context) error {
	switch a.w.verdict(a.id) {
	case "":
		a.w.note("start", a.id)
		return nil
	case "ignore":
		a.w.note("ignore", a.id)
		return actor.Ignore
	}
	a.w.note("fail", a.id)
	return errBoom
}

func (a twinActor) Receive(_ *actor.Context, msg any) error { return msg.(end).reason }

func (a twinActor) Terminate(_ *actor.Context, reason error) {
	if reason == actor.Shutdown {
		a.w.note("stop", a.id)
	}
}

func (w *twin) child(c Child) Child {
	c.Start = func() actor.Actor { return twinActor{w, c.ID} }
	return c
}

func (w *twin) run() {
	r := rand.New(rand.NewPCG(w.seed, 3))
	s := Spec{Strategy: Strategy(r.IntN(3)), AutoShutdown: AutoShutdown(r.IntN(3)), Intensity: 1 + r.IntN(6), Period: time.Duration(1+r.IntN(5)) * time.Second}
	failing := []float64{0, 0.1, 0.4}[r.IntN(3)]
	w.verdict = verdicts(w.seed, failing)
	w.m = &model{strategy: s.Strategy, auto: s.AutoShutdown, intensity: s.Intensity, period: s.Period, start: verdicts(w.seed, failing)}
	for i := range r.IntN(5) {
		c := randomSpec(r, string(rune('a'+i)), s.AutoShutdown)
		s.Children = append(s.Children, w.child(c))
		w.m.kids = append(w.m.kids, &modelChild{id: c.ID, restart: c.Restart, sig: c.Significant})
	}
	began := time.Now()
	var err error
	w.sup, err = Start(w.sys, s)
	w.m.begin()
	if (err != nil) != w.m.dead {
		w.Errorf("Start: %v, the model is dead: %v", err, w.m.dead)
	}
	trace := []string{"begin"}
	for range 12 {
		if !w.same(s, trace) || w.m.dead {
			return
		}
		trace = append(trace, w.step(r, s, time.Since(began)))
		for !w.m.dead && w.m.retry(time.Since(began)) {
		}
		if r.IntN(4) == 0 {
			<-time.After(time.Duration(r.IntN(3000)) * time.Millisecond)
		}
	}
}

// same compares what both did, and how they are.
func (w *twin) same(s Spec, trace []string) bool {
	got := w.take()
	var want []string
	for _, l := range w.m.log {
		if !strings.HasPrefix(l, "reply") && !strings.HasPrefix(l, "end") && l != "ready" {
			want = append(want, l)
		}
	}
	w.m.log = nil
	if got != strings.Join(want, ", ") {
		w.Errorf("%v %v: did %s\nwant %s", s.Strategy, trace, got, strings.Join(want, ", "))
		return false
	}
	if w.m.dead {
		if w.sup != nil && w.sys.Alive(w.sup.PID()) {
			w.Errorf("%v: the supervisor lives", trace)
		}
		return !w.Failed()
	}
	var is []string
	for _, c := range w.sup.Children() {
		is = append(is, fmt.Sprint(c.ID, !c.PID.IsZero()))
	}
	var be []string
	for _, k := range w.m.kids {
		be = append(be, fmt.Sprint(k.id, k.pid != 0))
	}
	if !slices.Equal(is, be) {
		w.Errorf("%v %v: children %v, want %v", s.Strategy, trace, is, be)
		return false
	}
	return true
}

func (w *twin) step(r *rand.Rand, s Spec, now time.Duration) string {
	if r.IntN(2) == 0 {
		alive := slices.DeleteFunc(slices.Clone(w.m.kids), func(k *modelChild) bool { return k.pid == 0 })
		if len(alive) == 0 {
			return "-"
		}
		k := alive[r.IntN(len(alive))]
		c := exitClass(r.IntN(3))
		info, _ := w.sup.Child(k.id)
		w.sys.Send(info.PID, end{[]error{actor.Normal, otherShutdown, errDied}[c]})
		w.settle()
		w.m.crash(k, c, now)
		return fmt.Sprintf("crash %s %d", k.id, c)
	}
	cmd := &command[int]{kind: commandKind(r.IntN(4)), id: string(rune('a' + r.IntN(6)))}
	var err error
	switch cmd.kind {
	case cmdStart:
		c := w.child(randomSpec(r, cmd.id, s.AutoShutdown))
		cmd.child = &c
		_, err = w.sup.StartChild(w.ctx, c)
	case cmdTerminate:
		err = w.sup.TerminateChild(w.ctx, cmd.id)
	case cmdRestart:
		_, err = w.sup.RestartChild(w.ctx, cmd.id)
	default:
		err = w.sup.DeleteChild(w.ctx, cmd.id)
	}
	w.m.command(cmd)
	want := strings.TrimPrefix(w.m.log[len(w.m.log)-1], "reply ")
	got := "ok"
	if e, ok := errors.AsType[*StartError](err); ok && errors.Is(e, errBoom) {
		got = "cannot"
	} else if err != nil {
		got = trimmed(err)
	}
	if got != want {
		w.Errorf("command %d %s: %s, want %s", cmd.kind, cmd.id, got, want)
	}
	return fmt.Sprintf("command %d %s", cmd.kind, cmd.id)
}

// TestEverybodyAtOnce lets goroutines start, end, look at and administer children of all kinds of supervisors at the
// same time, on real time, and stops everything while they are at it.
func TestEverybodyAtOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range 4 {
		everybody(t, seed+uint64(i), i == 3)
	}
}

func everybody(t *testing.T, seed uint64, early bool) {
	sys := quietSystem(t)
	many := 1 << 30
	sup, err := Start(sys, Spec{Strategy: Strategy(seed % 3), Intensity: many, Children: []Child{
		kid("a"), kid("b"),
		{ID: "dyn", Supervisor: DynamicSpec{Intensity: many}},
		{ID: "parts", Supervisor: PartitionedSpec{Intensity: many, Partitions: 3, Child: numbered}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	steps := 300
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(g)))
			for range steps {
				disturb(t.Context(), r, sys, sup)
			}
		})
	}
	if !early {
		wg.Wait()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := sup.Stop(ctx); err != nil {
		t.Fatalf("Stop: %v\n%s", err, Tree(sys))
	}
	for pid := range sys.Processes() {
		if info, ok := sys.Info(pid); ok {
			t.Errorf("left: %+v", info)
		}
	}
	wg.Wait()
}

func disturb(ctx context.Context, r *rand.Rand, sys *actor.System, sup *Supervisor) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	id := string(rune('a' + r.IntN(5)))
	info, _ := sup.Child([]string{"dyn", "parts"}[r.IntN(2)])
	dyn := AttachDynamic(sys, info.PID)
	switch r.IntN(10) {
	case 0:
		sup.StartChild(ctx, kid(id, as(Restart(r.IntN(3)))))
	case 1:
		sup.TerminateChild(ctx, id)
	case 2:
		sup.RestartChild(ctx, id)
	case 3:
		sup.DeleteChild(ctx, id)
	case 4, 5:
		for _, c := range sup.Children() {
			if r.IntN(4) == 0 {
				sys.Exit(c.PID, []error{actor.Kill, errDied, actor.Shutdown}[r.IntN(3)])
			}
		}
	case 6:
		if pid, err := dyn.StartChild(ctx, kid("", as(Restart(r.IntN(3))))); err == nil && r.IntN(2) == 0 {
			dyn.TerminateChild(ctx, pid)
		}
	case 7:
		for _, c := range dyn.Children() {
			sys.Send(c.PID, end{errDied})
		}
	case 8:
		AttachPartitioned(sys, info.PID).For("key")
		_ = Tree(sys).String()
	case 9:
		sup.Count()
		dyn.Count()
	}
}
