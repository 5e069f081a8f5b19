package actor_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/foundation-runtime/foundation/actor"
)

// starter is an actor whose parts are functions.
type starter struct {
	init      func(c *actor.Context) error
	receive   func(c *actor.Context, msg any) error
	terminate func(c *actor.Context, reason error)
}

func (s *starter) Init(c *actor.Context) error {
	if s.init == nil {
		return nil
	}
	return s.init(c)
}

func (s *starter) Receive(c *actor.Context, msg any) error {
	if s.receive == nil {
		return nil
	}
	return s.receive(c, msg)
}

func (s *starter) Terminate(c *actor.Context, reason error) {
	if s.terminate != nil {
		s.terminate(c, reason)
	}
}

// spawners are the three places a process can be started from.
var spawners = map[string]func(r *rig, f func(s actor.Spawner)){
	"outside": func(r *rig, f func(s actor.Spawner)) { f(r.sys) },
	"actor": func(r *rig, f func(s actor.Spawner)) {
		r.start(plain).call(func(p proc) { f(p.(actor.Spawner)) })
	},
	"blocking": func(r *rig, f func(s actor.Spawner)) {
		r.start(blocking).call(func(p proc) { f(p.(actor.Spawner)) })
	},
}

func eachSpawner(t *testing.T, f func(t *testing.T, r *rig, s actor.Spawner)) {
	for name, from := range spawners {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			from(r, func(s actor.Spawner) { f(t, r, s) })
		})
	}
}

// Spawn returns Init's error; the process is gone then, and its name free.
func TestInit_Fails(t *testing.T) {
	eachSpawner(t, func(t *testing.T, r *rig, s actor.Spawner) {
		a := &starter{init: func(*actor.Context) error { return errBoom }, terminate: func(*actor.Context, error) { t.Error("Terminate") }}
		for range 3 {
			pid, err := s.Spawn(a, actor.WithName("it"))
			if !errors.Is(err, errBoom) || !pid.IsZero() {
				t.Error(pid, err)
			}
			if _, ok := r.sys.Whereis("it"); ok {
				t.Error("the name is taken")
			}
		}
	})
}

func TestInit_Ignore(t *testing.T) {
	eachSpawner(t, func(t *testing.T, r *rig, s actor.Spawner) {
		_, err := s.Spawn(&starter{init: func(*actor.Context) error { return actor.Ignore }}, actor.WithName("it"))
		if !errors.Is(err, actor.Ignore) {
			t.Error(err)
		}
		e := await(r, "Exited", func(e actor.Exited) bool { return e.Name == "it" })
		if e.Reason != actor.Normal {
			t.Error(e.Reason)
		}
	})
}

// A panic in Init is the spawner's error and nothing else. Goexit likewise where Init has a goroutine of its own.
func TestInit_Panics(t *testing.T) {
	for _, crash := range crashes {
		for name, from := range spawners {
			if crash.name == "Goexit" && name == "actor" {
				continue // see TestInit_GoexitTakesTheSpawnerAlong
			}
			t.Run(crash.name+"/"+name, func(t *testing.T) {
				r := newRig(t)
				from(r, func(s actor.Spawner) {
					_, err := s.Spawn(&starter{init: func(*actor.Context) error { crash.f(); return nil }})
					var e *actor.PanicError
					if !errors.As(err, &e) || !crash.ok(e) {
						t.Error(err)
					}
					if _, err := s.Spawn(&starter{}); err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// The Init of a process spawned by a handler runs on that handler's goroutine, which a Goexit ends: both processes end by it, and
// nothing else does.
func TestInit_GoexitTakesTheSpawnerAlong(t *testing.T) {
	r := newRig(t, actor.WithWorkers(1))
	x := r.start(plain)
	x.tell(func(p proc) error {
		_, err := p.Spawn(&starter{init: func(*actor.Context) error { crashes[3].f(); return nil }}, actor.WithName("child"))
		return err
	})
	var e *actor.PanicError
	if exit := r.exited(x.pid); !errors.As(exit.Reason, &e) {
		t.Fatal(exit)
	}
	await(r, "the child's end", func(e actor.Exited) bool { return e.Name == "child" })
	r.start(plain).call(func(proc) {})
}

// A link to the process under way is gone before a failed Init is an end: the spawner has the error.
func TestInit_FailureSendsNoSignal(t *testing.T) {
	for _, k := range []kind{plain, blocking} {
		t.Run(k.name, func(t *testing.T) {
			r := newRig(t)
			trapping, x := r.trapper(k), r.start(k)
			a := &starter{init: func(*actor.Context) error { return errBoom }}
			for _, y := range []*puppet{trapping, x} {
				y.call(func(p proc) {
					if _, err := p.SpawnLink(a); !errors.Is(err, errBoom) {
						t.Error(err)
					}
					if _, _, err := p.SpawnMonitor(a); !errors.Is(err, errBoom) {
						t.Error(err)
					}
				})
				y.expectNothing()
				if info, _ := r.sys.Info(y.pid); len(info.Links)+len(info.Monitors) > 0 {
					t.Errorf("%+v", info)
				}
			}
		})
	}
}

// A Context used as a context.Context in Init ends with Init, and the first message gets another one.
func TestInit_UsesItsContext(t *testing.T) {
	for _, k := range []string{"plain", "typed", "bounded"} {
		for _, mine := range []bool{true, false} {
			t.Run(fmt.Sprint(k, mine), func(t *testing.T) {
				r := newRig(t, actor.WithWorkers(1))
				helper, x := r.start(plain), r.puppet()
				var first context.Context
				init := func(c *actor.Context) error {
					first = c
					_, err := actor.Ask(c, helper.pid, note{do: func(p proc) error {
						actor.Reply(p, note{}, 1)
						return nil
					}})
					if c.Err() != nil {
						t.Error("the Context ended in Init")
					}
					c.Send(c.Self(), note{do: func(p proc) error { x.got <- p.Err(); return nil }})
					c.Send(c.Self(), note{do: func(p proc) error { panic("first message") }})
					return err
				}
				var a actor.Actor = &starter{init: init, receive: func(c *actor.Context, msg any) error { return x.handle(c, msg) }}
				var opts []actor.SpawnOption
				switch k {
				case "typed":
					a = actor.Typed(typedStarter{x, init})
				case "bounded":
					opts = append(opts, actor.WithMailbox(bounded))
				}
				var pid actor.PID
				spawn := func(s actor.Spawner) {
					var err error
					if pid, err = s.Spawn(a, opts...); err != nil {
						t.Error(err)
					}
				}
				if mine {
					spawn(r.sys)
				} else {
					r.start(plain).call(func(p proc) { spawn(p.(actor.Spawner)) })
				}
				if err := take(t, x.got, "the first message"); err != nil {
					t.Fatal("the first message's Context had ended: ", err)
				}
				var e *actor.PanicError
				if exit := r.exited(pid); !errors.As(exit.Reason, &e) {
					t.Fatal(exit)
				}
				if first.Err() == nil {
					t.Fatal("Init's Context did not end")
				}
			})
		}
	}
}

type typedStarter struct {
	x    *puppet
	init func(c *actor.Context) error
}

func (s typedStarter) Init(c *actor.Context) error              { return s.init(c) }
func (s typedStarter) Receive(c *actor.Context, msg note) error { return s.x.handle(c, msg) }

// Kill in the middle of Init: everybody is told at once, wherever Init runs; Spawn returns Killed.
func TestKill_InInit(t *testing.T) {
	for name, from := range spawners {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			in, out, answer := make(chan actor.PID, 1), make(chan struct{}), make(chan error, 1)
			watcher := r.start(plain)
			a := &starter{
				init:      func(c *actor.Context) error { in <- c.Self(); <-out; return nil },
				terminate: func(*actor.Context, error) { t.Error("Terminate") },
			}
			go from(r, func(s actor.Spawner) {
				_, err := s.Spawn(a, actor.WithName("it"))
				answer <- err
			})
			pid := take(t, in, "Init")
			var ref actor.MonitorRef
			watcher.call(func(p proc) { ref = p.Monitor(pid) })
			watcher.send("queued")
			next[string](watcher)
			r.sys.Exit(pid, actor.Kill)
			watcher.expectDown(ref, pid, actor.Killed)
			if _, ok := r.sys.Whereis("it"); ok || r.sys.Alive(pid) {
				t.Error("still there")
			}
			close(out)
			if err := take(t, answer, "Spawn"); !errors.Is(err, actor.Killed) {
				t.Error(err)
			}
		})
	}
}

// Kill between the birth of a process and its Init: Init does not run and Spawn returns.
func TestKill_BeforeInit(t *testing.T) {
	eachSpawner(t, func(t *testing.T, r *rig, s actor.Spawner) {
		cancel := r.sys.Subscribe(func(e actor.Event) {
			if born, ok := e.(actor.Spawned); ok && born.Name == "it" {
				r.sys.Send(born.PID, "queued")
				r.sys.Exit(born.PID, actor.Kill)
			}
		})
		defer cancel()
		_, err := s.Spawn(&starter{init: func(*actor.Context) error { t.Error("Init"); return nil }}, actor.WithName("it"))
		if !errors.Is(err, actor.Killed) {
			t.Error(err)
		}
		r.deadLetter("queued")
	})
}

// Kill between the birth of a process with its own goroutine and its start: its function does not run.
func TestKill_BeforeTheFunction(t *testing.T) {
	r := newRig(t)
	r.sys.Subscribe(func(e actor.Event) {
		if born, ok := e.(actor.Spawned); ok {
			r.sys.Exit(born.PID, actor.Kill)
		}
	})
	ran := false
	if _, err := r.sys.Go(func(*actor.Process) error { ran = true; return nil }); err != nil {
		t.Fatal(err)
	}
	if err := r.sys.Shutdown(context.Background()); err != nil { // waits for goroutines
		t.Fatal(err)
	}
	if ran {
		t.Fatal("the function of a killed process ran")
	}
}

// Kill at any time around Init: Spawn returns, and whoever it concerns is told once.
func TestKill_AroundInit(t *testing.T) {
	r := newRig(t)
	rng := random(t)
	for range 300 {
		spin := rng.IntN(2000)
		found := make(chan actor.PID, 1)
		var wg sync.WaitGroup
		wg.Go(func() {
			pid := <-found
			for range spin {
				if r.sys.Alive(actor.PID{}) {
					panic("nobody is alive")
				}
			}
			r.sys.Exit(pid, actor.Kill)
		})
		_, err := r.sys.Spawn(&starter{init: func(c *actor.Context) error { found <- c.Self(); return nil }})
		if err != nil && !errors.Is(err, actor.Killed) {
			t.Fatal(err)
		}
		wg.Wait()
	}
	st := r.sys.Stats()
	if st.Processes != 0 {
		t.Fatalf("%+v", st)
	}
}

// SpawnMonitor monitors from the start: the reason is the process's own, however soon it ends.
func TestSpawnMonitor_SeesTheReason(t *testing.T) {
	for _, k := range []kind{plain, blocking} {
		t.Run(k.name, func(t *testing.T) {
			r := newRig(t)
			x := r.start(k)
			for i := range 50 {
				var ref actor.MonitorRef
				var pid actor.PID
				x.call(func(p proc) {
					a := actor.Actor(actor.Blocking(func(*actor.Process) error { return errBoom }))
					if i%2 == 0 {
						a = &starter{init: func(c *actor.Context) error { c.Exit(c.Self(), errBoom); return nil }}
					}
					var err error
					if pid, ref, err = p.SpawnMonitor(a); err != nil {
						t.Error(err)
					}
				})
				x.expectDown(ref, pid, errBoom)
			}
		})
	}
}

// A process that was killed while it spawned with a link does not leave the new process behind.
func TestSpawnLink_OfAKilledParent(t *testing.T) {
	for _, k := range []kind{plain, blocking} {
		t.Run(k.name, func(t *testing.T) {
			r := newRig(t)
			x := r.start(k)
			r.sys.Subscribe(func(e actor.Event) {
				if born, ok := e.(actor.Spawned); ok && born.Name == "child" {
					r.sys.Exit(x.pid, actor.Kill)
				}
			})
			x.tell(func(p proc) error {
				_, _ = p.SpawnLink(actor.Func(func(*actor.Context, any) error { return nil }), actor.WithName("child"))
				return nil
			})
			e := await(r, "the child's end", func(e actor.Exited) bool { return e.Name == "child" })
			if e.Reason != actor.Killed {
				t.Fatal(e)
			}
		})
	}
}
