package actor

import (
	"fmt"
	"maps"
	"time"
)

// Info is what can be seen of a process.
type Info struct {
	PID         PID
	Name        string
	Parent      PID // who spawned it; zero if it was spawned from outside
	Labels      map[string]string
	Links       []PID
	Monitors    []PID // whom it monitors
	MonitoredBy []PID
	TrapExit    bool
	Queued      int // messages in the mailbox
	Stashed     int
	Handled     uint64
	Status      Status
}

// Status is what a process is doing.
type Status uint8

const (
	StatusIdle      Status = iota // waits for a message
	StatusBusy                    // has messages, or handles one
	StatusStarting                // Init has not returned
	StatusSuspended               // see System.Suspend
	StatusExiting                 // was told to exit
)

func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("Status(%d)", uint8(s))
}

var statusNames = [...]string{"idle", "busy", "starting", "suspended", "exiting"}

// Info looks at a process; ok is false if it does not exist.
func (s *System) Info(pid PID) (info Info, ok bool) {
	p := pid.resolve()
	if p == nil || p.dead() {
		return Info{}, false
	}
	info = Info{PID: p.pid(), Queued: p.ops.queued(), Handled: p.handledSoFar()}
	if p.parent != 0 {
		info.Parent = PID{s.self, p.parent}
	}
	if info.Queued > 0 || p.sys.sched.running(p) {
		info.Status = StatusBusy
	}
	if p.sig.Load()&sigInit != 0 {
		info.Status = StatusStarting
	}
	if e := p.ext.Load(); e != nil {
		e.describe(&info)
	}
	if p.status.Load() == statusDying {
		info.Status = StatusExiting
	}
	return info, true
}

// handledSoFar is exact if p is idle: then the count is read with the consumer's right. Else it is what p published last.
func (p *process) handledSoFar() uint64 {
	if p.traits&traitGoroutine == 0 && p.ops.claim() {
		p.publish()
		p.ops.rest(nil)
	}
	return p.seen.Load()
}

func (e *ext) describe(info *Info) {
	e.mu.Lock()
	defer e.mu.Unlock()
	info.Name, info.TrapExit = e.name, e.trap
	for pid := range e.links.all {
		info.Links = append(info.Links, pid)
	}
	for _, pid := range e.watching.all {
		info.Monitors = append(info.Monitors, pid)
	}
	for _, pid := range e.watchers.all {
		info.MonitoredBy = append(info.MonitoredBy, pid)
	}
	if r := e.rare; r != nil {
		info.Labels = maps.Clone(r.labels)
		info.Stashed = len(r.stash) + len(r.front)
		if r.suspended {
			info.Status = StatusSuspended
		}
	}
}

// Suspend makes a process stop handling messages after the one it is handling, until Resume. Exits act all the same.
func (s *System) Suspend(pid PID) error {
	p := pid.resolve()
	if p == nil {
		return fmt.Errorf("actor: Suspend(%v): %w", pid, NoProc)
	}
	e := p.extend()
	e.mu.Lock()
	if e.dead {
		e.mu.Unlock()
		return fmt.Errorf("actor: Suspend(%v): %w", pid, NoProc)
	}
	e.rarely().suspended = true
	p.sig.Or(sigSuspend)
	e.mu.Unlock()
	p.ops.wake(nil)
	return nil
}

// Resume ends Suspend.
func (s *System) Resume(pid PID) error {
	p := pid.resolve()
	if p == nil {
		return fmt.Errorf("actor: Resume(%v): %w", pid, NoProc)
	}
	e := p.extend()
	e.mu.Lock()
	if e.dead {
		e.mu.Unlock()
		return fmt.Errorf("actor: Resume(%v): %w", pid, NoProc)
	}
	e.rarely().suspended = false
	p.sig.And(^sigSuspend)
	parked := e.unparkLocked()
	e.mu.Unlock()
	p.nudge(parked, nil)
	return nil
}

// suspendTurn ends the turn of a suspended process, which keeps the consumer's right: nobody schedules it until Resume or an
// exit does. It is false if the process was resumed meanwhile.
func (p *process) suspendTurn() bool {
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rare == nil || !e.rare.suspended || e.dying || e.dead {
		return false
	}
	p.publish()
	e.rare.parked = true
	if x, ok := p.ops.(interface{ begun() bool }); ok {
		e.rare.begun = x.begun()
	}
	return true
}

// consuming reports whether p has popped anything since its inbox was idle, as far as others can tell.
func (p *process) consuming() bool {
	if p.sig.Load()&sigSuspend != 0 {
		e := p.ext.Load()
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.rare != nil && e.rare.parked {
			return e.rare.begun
		}
	}
	return p.sys.sched.running(p)
}

// Traced is a message about to be handled by a process that is traced.
type Traced struct {
	PID, From PID
	Message   any
	At        time.Time
}

// Trace calls f with every message that pid is about to handle and match accepts (nil accepts all), in the goroutine that
// handles it. A process has one tracer; a new one replaces it. stop ends it.
func (s *System) Trace(pid PID, match func(msg any) bool, f func(Traced)) (stop func(), err error) {
	p := pid.resolve()
	if p == nil || f == nil {
		if f == nil {
			return nil, fmt.Errorf("actor: Trace(%v): the function is nil", pid)
		}
		return nil, fmt.Errorf("actor: Trace(%v): %w", pid, NoProc)
	}
	t := &tracer{match, f}
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead {
		return nil, fmt.Errorf("actor: Trace(%v): %w", pid, NoProc)
	}
	e.rarely().tracer = t
	p.sig.Or(sigTrace)
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.rare != nil && e.rare.tracer == t {
			e.rare.tracer = nil
			p.sig.And(^sigTrace)
		}
	}, nil
}

type tracer struct {
	match func(any) bool
	f     func(Traced)
}

func (p *process) traced(from PID, msg any) {
	e := p.ext.Load()
	e.mu.Lock()
	var t *tracer
	if e.rare != nil {
		t = e.rare.tracer
	}
	e.mu.Unlock()
	defer func() {
		if v := recover(); v != nil {
			p.sys.cfg.logger.Error("actor: a tracer panicked", "panic", v, "pid", p.pid().String())
		}
	}()
	if t == nil || t.match != nil && !t.match(msg) {
		return
	}
	t.f(Traced{PID: p.pid(), From: from, Message: msg, At: time.Now()})
}
