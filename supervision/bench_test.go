package supervision

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// BenchmarkHop is the unit of goals: one hop of a ping-pong over unbuffered channels.
func BenchmarkHop(b *testing.B) {
	ping, pong := make(chan int), make(chan int)
	go func() {
		for v := range ping {
			pong <- v
		}
		close(pong)
	}()
	for b.Loop() {
		ping <- 1
		<-pong
	}
	close(ping)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(2*b.N), "ns/hop")
}

// crasher ends with an error at every message and notes when that was, and when it was started again.
type crasher struct {
	at *time.Time
	up chan<- crashed
}

type crashed struct {
	pid  actor.PID
	took time.Duration
}

func (c crasher) Init(ctx *actor.Context) error {
	c.up <- crashed{ctx.Self(), time.Since(*c.at)}
	return nil
}

func (c crasher) Receive(*actor.Context, any) error {
	*c.at = time.Now()
	return errDied
}

// BenchmarkCrashRestart measures a restart: ns/op from outside, with the send and the wake-ups that belong to it;
// ns/restart from the handler that returns an error to the Init of the next incarnation.
func BenchmarkCrashRestart(b *testing.B) {
	for s := OneForOne; s <= RestForOne; s++ {
		b.Run(s.String(), func(b *testing.B) {
			sys := quietSystem(b)
			up := make(chan crashed, 1)
			at := time.Now()
			c := kid("a", from(func() actor.Actor { return crasher{&at, up} }))
			if _, err := Start(sys, Spec{Strategy: s, Intensity: 1000, Period: time.Nanosecond, Children: []Child{c}}); err != nil {
				b.Fatal(err)
			}
			last := <-up
			var total time.Duration
			b.ReportAllocs()
			for b.Loop() {
				sys.Send(last.pid, nil)
				last = <-up
				total += last.took
			}
			b.ReportMetric(float64(total.Nanoseconds())/float64(b.N), "ns/restart")
		})
	}
}

// BenchmarkDynamic starts and stops many children.
func BenchmarkDynamic(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			sys := quietSystem(b)
			var up, down time.Duration
			for b.Loop() {
				d, err := StartDynamic(sys, DynamicSpec{Template: kid("")})
				if err != nil {
					b.Fatal(err)
				}
				began := time.Now()
				for range n {
					if _, err := d.StartChild(b.Context(), Child{}); err != nil {
						b.Fatal(err)
					}
				}
				up += time.Since(began)
				began = time.Now()
				if err := d.Stop(b.Context()); err != nil {
					b.Fatal(err)
				}
				down += time.Since(began)
			}
			b.ReportMetric(float64(up.Nanoseconds())/float64(b.N*n), "ns/start")
			b.ReportMetric(float64(down.Nanoseconds())/float64(b.N*n), "ns/stop")
		})
	}
}

// BenchmarkBytesPerChild measures what an idle child costs, its process included.
func BenchmarkBytesPerChild(b *testing.B) {
	const n = 100_000
	idle := actor.Func(func(*actor.Context, any) error { return nil })
	start := func() actor.Actor { return idle }
	specs := func(named bool) (kids []Child) {
		for i := range n {
			c := Child{ID: fmt.Sprint("child-", i), Start: start}
			if named {
				c.Options = []actor.SpawnOption{actor.WithName(c.ID)}
			}
			kids = append(kids, c)
		}
		return kids
	}
	for name, load := range map[string]func(b *testing.B, sys *actor.System){
		"process": func(b *testing.B, sys *actor.System) {
			for range n {
				sys.Spawn(idle)
			}
		},
		"process-linked-named": func(b *testing.B, sys *actor.System) {
			pid, _ := sys.Spawn(plain())
			done := make(chan bool)
			sys.Send(pid, run{func(c *actor.Context) {
				for i := range n {
					c.SpawnLink(idle, actor.WithName(fmt.Sprint("child-", i)))
				}
				close(done)
			}})
			<-done
		},
		"dynamic": func(b *testing.B, sys *actor.System) {
			d, _ := StartDynamic(sys, DynamicSpec{Template: Child{Start: start}})
			for range n {
				d.StartChild(b.Context(), Child{})
			}
		},
		"static":       func(b *testing.B, sys *actor.System) { Start(sys, Spec{Children: specs(false)}) },
		"static-named": func(b *testing.B, sys *actor.System) { Start(sys, Spec{Children: specs(true)}) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				sys := quietSystem(b)
				before := heap()
				load(b, sys)
				b.ReportMetric(float64(heap()-before)/n, "B/child")
			}
		})
	}
}

// heap is the live heap and the stacks.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
