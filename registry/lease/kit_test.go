package lease_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry/lease"
)

// node is a System with its leases, and its way to Consul.
type node struct {
	*lease.Registry
	*path
	t      *testing.T
	sys    *actor.System
	client *api.Client
}

// start makes a node that is closed at the end of the test.
func (f *fake) start(t *testing.T, name string, cfg lease.Config) *node {
	t.Helper()
	n := f.open(t, name, cfg)
	if err := n.Ready(within(t, time.Minute)); err != nil {
		t.Fatal(err)
	}
	return n
}

func (f *fake) open(t *testing.T, name string, cfg lease.Config) *node {
	t.Helper()
	sys, err := actor.NewSystem(name)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{path: f.path(), t: t, sys: sys}
	cfg.Client, err = api.NewClient(&api.Config{Address: "consul.test:8500", HttpClient: &http.Client{Transport: n.path}, Token: cfg.Token})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Token, n.client = "", cfg.Client
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
		if testing.Verbose() && os.Getenv("LEASE_LOG") != "" {
			cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
		}
	}
	if n.Registry, err = lease.New(sys, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.path.Heal()
		if err := n.Close(within(t, time.Minute)); err != nil {
			t.Error("Close:", err)
		}
		if err := sys.Shutdown(context.Background()); err != nil {
			t.Error("Shutdown:", err)
		}
	})
	return n
}

// virtual runs f with time that passes when everybody waits.
func virtual(t *testing.T, f func(t *testing.T, c *fake)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := newFake()
		t.Cleanup(func() { // no session outlives the test, nor does its timer
			c.do(func() {
				for id := range c.sessions {
					c.endLocked(id)
				}
			})
		})
		f(t, c)
	})
}

func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func (n *node) process() actor.PID {
	n.t.Helper()
	pid, err := n.sys.Spawn(actor.Func(func(*actor.Context, any) error { return nil }))
	if err != nil {
		n.t.Fatal(err)
	}
	return pid
}

// take registers a new process, and fails the test if that fails.
func (n *node) take(name string, opts ...lease.Option) *lease.Hold {
	n.t.Helper()
	h, err := n.Register(within(n.t, 2*time.Minute), name, n.process(), opts...)
	if err != nil {
		n.t.Fatal(err)
	}
	return h
}

// refused tries to register, and fails the test if that does not fail with want.
func (n *node) refused(name string, want error) error {
	n.t.Helper()
	pid := n.process()
	h, err := n.Register(within(n.t, 2*time.Minute), name, pid)
	if !errors.Is(err, want) || h != nil {
		n.t.Fatalf("Register(%q): %v, %v; want %v", name, h, err, want)
	}
	n.sys.Exit(pid, actor.Kill)
	return err
}

func (n *node) exit(pid actor.PID) { n.sys.Exit(pid, actor.Kill) }

// gone waits for the end of a process.
func (n *node) gone(pid actor.PID) time.Time {
	n.t.Helper()
	done := make(chan time.Time, 1)
	_, err := n.sys.Spawn(&mourner{pid, done})
	if err != nil {
		n.t.Fatal(err)
	}
	select {
	case at := <-done:
		return at
	case <-time.After(5 * time.Minute):
		n.t.Fatalf("%v does not end", pid)
		panic("unreachable")
	}
}

type mourner struct {
	of   actor.PID
	done chan time.Time
}

func (m *mourner) Init(ctx *actor.Context) error {
	ctx.Monitor(m.of)
	return nil
}

func (m *mourner) Receive(_ *actor.Context, msg any) error {
	if _, ok := msg.(actor.Down); ok {
		m.done <- time.Now()
		return actor.Normal
	}
	return nil
}

// pass lets time pass.
func pass(d time.Duration) { <-time.After(d) }

// record is a store that sees all that holders do: it keeps a fence, and knows when who wrote.
type record struct {
	mu      sync.Mutex // protects the fields below
	fence   lease.Fence
	writes  []write
	refused int
}

type write struct {
	who   string
	token lease.Token
	at    time.Time
}

func (s *record) write(who string, token lease.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fence.Admit(token); err != nil {
		s.refused++
		return err
	}
	s.writes = append(s.writes, write{who, token, time.Now()})
	return nil
}

func contains(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}
