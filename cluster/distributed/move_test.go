package distributed_test

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
	"github.com/foundation-runtime/foundation/cluster/distributed"
)

// ledger is an actor with a state: what it was told, by whom.
type ledger struct {
	w  *world
	at *node
	job
	book book
}

type book struct {
	Last  map[int]int // by sender: the last number
	Count int
	Fault string
	Moves int
}

type entry struct{ Sender, N int }

type readBook struct{ actor.Replies[book] }

type slowQuestion struct {
	actor.Replies[int]
	N int
}

func (k *ledger) Init(c *actor.Context) error {
	k.w.began(k.ID, c.Self(), k.at)
	k.book.Last = map[int]int{}
	return nil
}

func (k *ledger) Receive(c *actor.Context, msg any) error {
	switch m := msg.(type) {
	case entry:
		if m.N != k.book.Last[m.Sender]+1 {
			k.book.Fault = fmt.Sprintf("%d of sender %d behind %d", m.N, m.Sender, k.book.Last[m.Sender])
		}
		k.book.Last[m.Sender] = m.N
		k.book.Count++
	case readBook:
		actor.Reply(c, m, k.book)
	case slowQuestion:
		actor.Reply(c, m, m.N+1)
	}
	return nil
}

func (k *ledger) Terminate(c *actor.Context, why error) { k.w.over(k.ID, c.Self(), why) }

func (k *ledger) Snapshot(*actor.Context) (int, any, error) {
	if k.Note == "no snapshot" {
		return 0, nil, errBroken
	}
	return 1, k.book, nil
}

func (k *ledger) Restore(c *actor.Context, version int, state any) error {
	b, ok := state.(book)
	if !ok || version != 1 {
		return fmt.Errorf("version %d, a %T", version, state)
	}
	if k.Note != "" {
		to, _ := k.at.sys.ParsePID(k.Note)
		c.Send(to, "from Restore")
	}
	if k.w.isBroken(k.ID) {
		k.w.over(k.ID, c.Self(), errBroken)
		return errBroken
	}
	k.book = b
	k.book.Moves++
	return nil
}

func (w *world) isBroken(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.broken[id]
}

func account(id string) distributed.Child {
	return distributed.Child{ID: id, Kind: "ledger", Args: job{ID: id}}
}

func (x *node) open(t testing.TB, list []string) map[string]actor.PID {
	t.Helper()
	pids := map[string]actor.PID{}
	for _, id := range list {
		pid, err := x.Start(within(t), account(id))
		if err != nil {
			t.Fatal(err)
		}
		pids[id] = pid
	}
	return pids
}

func (x *node) read(t testing.TB, id string) book {
	t.Helper()
	pid, ok := x.Whereis(id)
	if !ok {
		t.Fatal(id, "is nowhere")
	}
	b, err := actor.Ask(within(t), pid, readBook{})
	if err != nil {
		t.Fatal(id, pid, err)
	}
	return b
}

// TestLeaveMovesState closes a supervisor while others send to what it runs, by the PIDs they have: nothing is lost, nothing comes
// twice, the order of each sender is kept, requests are answered, and Whereis never misses.
func TestLeaveMovesState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		list := ids(60)
		pids := l.nodes[0].open(t, list)
		<-time.After(2 * time.Second)
		ctx, stop := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		sent := make([]int, 2)
		for i, x := range l.nodes[:2] {
			names := map[string]actor.PID{}
			for _, id := range list {
				names[id] = x.Named(id)
			}
			done := make(chan struct{})
			_, err := x.sys.Go(func(p *actor.Process) error {
				defer close(done)
				return send(ctx, p, i, names, &sent[i])
			})
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() { <-done })
			wg.Go(func() {
				for ctx.Err() == nil {
					for _, id := range list {
						if _, ok := x.Whereis(id); !ok {
							t.Errorf("%s does not see %s", x.name, id)
						}
						if n, err := actor.Ask(within(t), names[id], slowQuestion{N: 7}); err != nil || n != 8 {
							if ctx.Err() == nil {
								t.Errorf("asking %s: %d, %v", id, n, err)
							}
						}
					}
					<-time.After(time.Millisecond)
				}
			})
		}
		<-time.After(100 * time.Millisecond)
		moved := 0
		for _, id := range list {
			if l.world.nodeOf(id) == "n3" {
				moved++
			}
		}
		began := time.Now()
		closed := make(chan error, 1)
		go func() { closed <- l.nodes[2].Close(within(t)) }()
		<-time.After(5 * time.Millisecond)
		// They stop a moment later: what is sent when the old node has gone is lost, and counted.
		until(t, "all have moved", func() bool {
			for _, id := range list {
				if pid, _ := l.nodes[0].Whereis(id); pid.Node() == "n3" {
					return false
				}
			}
			return true
		})
		stop()
		wg.Wait()
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		t.Logf("%d of %d moved in %v", moved, len(list), time.Since(began))
		if moved == 0 {
			t.Fatal("nothing had to be moved")
		}
		for i, id := range list {
			var b book
			want := 0
			for _, n := range sent {
				want += n
			}
			until(t, "all has arrived at "+id, func() bool { b = l.nodes[i%2].read(t, id); return b.Count >= want })
			wantMoves := 0
			if pids[id].Node() == "n3" {
				wantMoves = 1
			}
			if b.Count != want || b.Fault != "" || b.Moves != wantMoves {
				t.Fatalf("%s: %+v, want %d messages and %d moves", id, b, want, wantMoves)
			}
		}
		if wrong := l.world.wrong(1, list); len(wrong) > 0 {
			t.Fatal(wrong)
		}
	})
}

// send sends numbered entries to all, until ctx ends.
func send(ctx context.Context, p *actor.Process, sender int, pids map[string]actor.PID, sent *int) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := 1; ctx.Err() == nil; n++ {
		for _, pid := range pids {
			p.Send(pid, entry{sender, n})
		}
		*sent = n
		<-tick.C
	}
	return nil
}

var moveTypes = []cluster.Type{
	cluster.TypeOf[job]("job"),
	cluster.TypeOf[book]("book"), cluster.TypeOf[entry]("entry"), cluster.TypeOf[readBook]("readbook"), cluster.TypeOf[slowQuestion]("slow"),
}

// TestRestoreThatFails: what Restore sent before it failed does not arrive, the process runs on where it was, with its mail; and a node
// that goes starts it anew in the end.
func TestRestoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		heard := make(chan any, 100)
		ear, err := l.nodes[0].sys.Spawn(actor.Func(func(_ *actor.Context, msg any) error { heard <- msg; return nil }))
		if err != nil {
			t.Fatal(err)
		}
		id := ""
		for i := range 100 {
			if id = fmt.Sprint("x", i); l.nodes[0].node.Owner(id).Name == "n2" {
				break
			}
		}
		c := account(id)
		c.Args = job{ID: id, Note: ear.String()}
		pid, err := l.nodes[0].Start(within(t), c)
		if err != nil {
			t.Fatal(err)
		}
		l.world.mu.Lock()
		l.world.broken[id] = true
		l.world.mu.Unlock()
		stayed := make(chan distributed.Event, 100)
		defer l.nodes[1].Subscribe(func(e distributed.Event) {
			if e.Kind == distributed.Stayed {
				stayed <- e
			}
		})()
		<-time.After(2 * time.Second)
		closed := make(chan error, 1)
		go func() { closed <- l.nodes[1].Close(within(t)) }()
		<-stayed
		l.nodes[0].sys.Send(pid, entry{1, 1})
		if b := l.nodes[0].read(t, id); b.Count != 1 || b.Moves != 0 {
			t.Fatalf("%+v", b)
		}
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		until(t, "it is started anew", func() bool { return l.world.count(id) == 1 && l.world.nodeOf(id) == "n1" })
		if len(heard) != 0 {
			t.Fatal("it arrived:", <-heard)
		}
	})
}

// TestMoversCrash crashes a node in the midst of its leaving, and the one that takes over: there is one of each afterwards.
func TestMoversCrash(t *testing.T) {
	for _, who := range []int{1, 2} {
		for _, after := range []time.Duration{100, 300, 600, 1000, 1500, 2500, 5000} {
			synctest.Test(t, func(t *testing.T) {
				l := newLAN(t, 3, nil)
				list := ids(60)
				l.nodes[0].open(t, list)
				<-time.After(2 * time.Second)
				go func() {
					ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
					defer cancel()
					_ = l.nodes[2].Close(ctx)
				}()
				<-time.After(after * time.Microsecond)
				l.crash(who)
				until(t, "there is one of each", func() bool { return l.world.exactly(1, list) })
				<-time.After(20 * time.Second)
				if wrong := l.world.wrong(1, list); len(wrong) > 0 {
					t.Fatal(wrong)
				}
				l.net.Restart(host(who))
			})
		}
	}
}

// TestManyMove measures the leaving of a node with 10,000 children that have a state.
func TestManyMove(t *testing.T) {
	n := 10000
	if testing.Short() || raceEnabled {
		n = 500
	}
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 1, nil)
		var list []string
		for i := range n {
			list = append(list, fmt.Sprint("many", i))
		}
		var wg sync.WaitGroup
		for g := range 64 {
			wg.Go(func() {
				for i := g; i < n; i += 64 {
					if _, err := l.nodes[0].Start(within(t), account(list[i])); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for _, c := range l.nodes[0].Children() {
			l.nodes[0].sys.Send(c.PID, entry{1, 1})
		}
		l.add(1)
		l.whole()
		until(t, "all are known there", func() bool { return l.nodes[1].Count().Running == n })
		<-time.After(2 * time.Second)
		began := time.Now()
		real := wall()
		if err := l.nodes[0].Close(within(t)); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d children moved in %v of virtual time, %v of ours", n, time.Since(began), wall()-real)
		until(t, "all are there", func() bool { return l.world.exactly(1, list) })
		for _, id := range list[:50] {
			if b := l.nodes[1].read(t, id); b.Count != 1 || b.Moves != 1 {
				t.Fatalf("%s: %+v", id, b)
			}
		}
	})
}

// wall is the processor time of this program, which is not virtual.
func wall() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestRebalance lets a node join, and then has what belongs to it moved there, asked for or by itself: with its state if it has one,
// and each once.
func TestRebalance(t *testing.T) {
	for _, mode := range []distributed.Redistribution{distributed.Passive, distributed.Active} {
		synctest.Test(t, func(t *testing.T) {
			l := newLAN(t, 1, nil, mode)
			list, plain := ids(60), []string{}
			pids := l.nodes[0].open(t, list)
			for i := range 30 {
				plain = append(plain, fmt.Sprint("plain", i))
			}
			l.nodes[0].start(t, plain)
			for _, pid := range pids {
				l.nodes[0].sys.Send(pid, entry{1, 1})
			}
			l.add(1)
			l.whole()
			if mode == distributed.Passive {
				if err := l.nodes[0].Rebalance(within(t)); err != nil {
					t.Fatal(err)
				}
			}
			placed := func() bool {
				for _, id := range append(plain, list...) {
					if l.world.count(id) != 1 || l.world.nodeOf(id) != l.nodes[0].node.Owner(id).Name {
						return false
					}
				}
				return true
			}
			until(t, "all are where they belong", placed)
			there := 0
			for _, id := range list {
				b := l.nodes[1].read(t, id)
				if b.Count != 1 || b.Fault != "" || b.Moves > 1 {
					t.Fatalf("%s: %+v", id, b)
				}
				there += b.Moves
			}
			if there == 0 {
				t.Fatal("nothing was moved")
			}
			<-time.After(20 * time.Second)
			if !placed() {
				t.Fatal("they do not stay")
			}
		})
	}
}
