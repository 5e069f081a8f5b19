package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/cluster"
)

// command is a line of the input.
type command struct {
	ID     int
	Do     string
	To     string // a member; or @ and the name of a PID that hold kept
	Name   string // of a process; "" is "sink"
	Stream string
	Count  int
	Rate   int // a second; 0 is as fast as it goes
	Size   int // bytes
}

// line is what is printed.
type line struct {
	ID      int `json:",omitempty"`
	Event   string
	Time    time.Time
	Err     string    `json:",omitempty"`
	PID     int       `json:",omitempty"` // of the operating system's process
	Member  *member   `json:",omitempty"`
	Other   string    `json:",omitempty"`
	Links   []string  `json:",omitempty"`
	Members []member  `json:",omitempty"`
	Stream  string    `json:",omitempty"` // the name that the monitor or link was given
	Reason  string    `json:",omitempty"`
	Sent    uint64    `json:",omitempty"`
	Times   *times    `json:",omitempty"`
	Stats   *stats    `json:",omitempty"`
	Streams []receipt `json:",omitempty"`
}

// member as it is printed.
type member struct{ Name, Incarnation, Addr, State, Why string }

// stats of the process and its System.
type stats struct {
	RSS, Goroutines, Files int
	System                 actor.Stats
	Dead                   map[string]map[string]uint64 // numbered messages by stream and reason
	Sent                   map[string]uint64            // by stream
}

func memberOf(m cluster.Member) member {
	return member{m.Name, m.ID().Incarnation.String(), m.Addr, m.State.String(), m.Why}
}

func (p *program) members() (all []member) {
	for _, m := range p.node.Members() {
		all = append(all, memberOf(m))
	}
	return all
}

// commands are what a node can be told.
var commands = map[string]func(*program, context.Context, command, *line) error{
	"members":  func(p *program, _ context.Context, _ command, l *line) error { l.Members = p.members(); return nil },
	"stats":    (*program).stats,
	"received": (*program).received,
	"hold":     (*program).hold,    // keep the PID of process Name at To under the name Stream
	"monitor":  (*program).monitor, // Count times; Downs are printed
	"link":     (*program).link,    // exits are printed
	"spawn":    (*program).spawnOn, // a process of the kind "idle" at To; kept under the name Stream
	"exit":     (*program).exit,    // ends the process kept as To
	"ask":      (*program).ask,     // Count requests, Rate a second
	"send":     (*program).send,    // Count numbered messages of Size, Rate a second; Count 0 is until stop
	"stop":     (*program).stop,    // ends send of Stream
	"leave": func(p *program, ctx context.Context, _ command, _ *line) error {
		return p.node.Leave(ctx)
	},
}

var errNoMember = errors.New("there is no such member")

// find is the process that a command names.
func (p *program) find(ctx context.Context, c command) (actor.PID, error) {
	if name, kept := strings.CutPrefix(c.To, "@"); kept {
		p.mu.Lock()
		defer p.mu.Unlock()
		pid, ok := p.held[name]
		if !ok {
			return pid, fmt.Errorf("no PID is kept as %q", name)
		}
		return pid, nil
	}
	m, ok := p.node.Member(c.To)
	if !ok {
		return actor.PID{}, errNoMember
	}
	pid, ok, err := p.node.Whereis(ctx, m, processName(c))
	if err == nil && !ok {
		err = fmt.Errorf("nobody holds the name %q at %s", processName(c), c.To)
	}
	return pid, err
}

func processName(c command) string {
	if c.Name == "" {
		return sinkName
	}
	return c.Name
}

func (p *program) keep(name string, pid actor.PID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held[name] = pid
}

func (p *program) hold(ctx context.Context, c command, _ *line) error {
	pid, err := p.find(ctx, c)
	if err == nil {
		p.keep(c.Stream, pid)
	}
	return err
}

func (p *program) spawnOn(ctx context.Context, c command, _ *line) error {
	m, ok := p.node.Member(c.To)
	if !ok {
		return errNoMember
	}
	pid, err := p.node.SpawnOn(ctx, m, "idle", "")
	if err == nil {
		p.keep(c.Stream, pid)
	}
	return err
}

func (p *program) exit(ctx context.Context, c command, _ *line) error {
	pid, err := p.find(ctx, c)
	if err == nil {
		p.sys.Exit(pid, actor.Shutdown)
	}
	return err
}

// monitor returns when the monitors stand.
func (p *program) monitor(ctx context.Context, c command, _ *line) error {
	pid, err := p.find(ctx, c)
	if err != nil {
		return err
	}
	_, err = p.sys.Spawn(&watcher{p: p, pid: pid, name: c.Stream, monitors: max(c.Count, 1)})
	return err
}

func (p *program) link(ctx context.Context, c command, _ *line) error {
	pid, err := p.find(ctx, c)
	if err != nil {
		return err
	}
	_, err = p.sys.Spawn(&watcher{p: p, pid: pid, name: c.Stream})
	return err
}

// watcher prints the Downs of its monitors, or the exits of its link if it has no monitors.
type watcher struct {
	p        *program
	pid      actor.PID
	name     string
	monitors int
}

func (w *watcher) Init(ctx *actor.Context) error {
	ctx.TrapExit(true)
	for range w.monitors {
		ctx.Monitor(w.pid)
	}
	if w.monitors == 0 {
		ctx.Link(w.pid)
	}
	return nil
}

func (w *watcher) Receive(_ *actor.Context, msg any) error {
	switch m := msg.(type) {
	case actor.Down:
		w.p.say(line{Event: "monitor", Stream: w.name, Reason: reasonOf(m.Reason)})
	case actor.ExitSignal:
		w.p.say(line{Event: "exit", Stream: w.name, Reason: reasonOf(m.Reason)})
	}
	return nil
}

func (p *program) stats(_ context.Context, _ command, l *line) error {
	s := &stats{Goroutines: runtime.NumGoroutine(), System: p.sys.Stats(), Dead: map[string]map[string]uint64{}, Sent: map[string]uint64{}}
	var err error
	if s.RSS, err = resident(); err != nil {
		return err
	}
	files, err := os.ReadDir("/proc/self/fd")
	s.Files = len(files)
	p.mu.Lock()
	defer p.mu.Unlock()
	for stream, reasons := range p.dead {
		s.Dead[stream] = maps.Clone(reasons)
	}
	for stream, x := range p.senders {
		s.Sent[stream] = x.sent.Load()
	}
	l.Stats = s
	return err
}

// resident is how much memory this process has, in bytes.
func resident() (int, error) {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	return pages * os.Getpagesize(), err
}

// times of requests that were answered, and how many failed, by reason.
type times struct {
	P50, P99, Max time.Duration
	Answered      int
	Failed        map[string]int
}

func (p *program) ask(ctx context.Context, c command, l *line) error {
	var took []time.Duration
	t := &times{Failed: map[string]int{}}
	tick := time.NewTicker(time.Second / time.Duration(max(c.Rate, 1)))
	defer tick.Stop()
	if c.Rate == 0 {
		tick.Reset(time.Microsecond)
	}
	for n := range c.Count {
		m, ok := p.node.Member(c.To)
		if !ok {
			t.Failed[errNoMember.Error()]++
		} else {
			began := time.Now()
			within, cancel := context.WithTimeout(ctx, 5*time.Second)
			_, err := actor.Ask(within, p.node.Named(m, echoName), ping{N: uint64(n)})
			cancel()
			if err == nil {
				took = append(took, time.Since(began))
			} else {
				t.Failed[reasonOf(err)]++
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if t.Answered = len(took); t.Answered > 0 {
		slices.Sort(took)
		t.P50, t.P99, t.Max = took[len(took)/2], took[len(took)*99/100], took[len(took)-1]
	}
	l.Times = t
	return nil
}
