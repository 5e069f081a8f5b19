package actor

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync/atomic"

	"github.com/foundation-runtime/foundation/mailbox"
)

// Actor is the behaviour of a process. Receive is never called concurrently for one process. A non-nil error ends the process
// with it as the reason; so does a panic, as a [PanicError].
type Actor interface {
	Receive(ctx *Context, msg any) error
}

// Func is an Actor.
type Func func(ctx *Context, msg any) error

// Receive calls f.
func (f Func) Receive(ctx *Context, msg any) error { return f(ctx, msg) }

// Initializer is an Actor that wants to do something before the first message. Spawn returns after Init, with its error, and then
// the process is gone. Init may return [Ignore].
type Initializer interface {
	Init(ctx *Context) error
}

// Terminator is an Actor that wants to do something last. Terminate is called on the actor that was spawned, with the reason, unless the
// process was killed or its Init failed. The process is still alive then.
type Terminator interface {
	Terminate(ctx *Context, reason error)
}

// SpawnOption configures one process.
type SpawnOption func(*spawnConfig) error

type spawnConfig struct {
	name    string
	labels  map[string]string
	mailbox mailbox.Spec
	traits  traits
	link    bool
}

// WithName registers the process under a name before its Init. Spawn fails with [ErrNameTaken] if another holds it.
func WithName(name string) SpawnOption {
	return func(c *spawnConfig) error {
		if name == "" {
			return errors.New("actor: WithName: the name is empty; leave the option out for a process without one")
		}
		c.name = name
		return nil
	}
}

// WithMailbox gives the process a bounded or priority mailbox instead of the unbounded one. Signals are never refused by it.
// With Block a full mailbox makes the sender wait, without holding others up; what DropNewest, DropOldest and Fail refuse or evict are
// dead letters with [ErrMailboxFull].
func WithMailbox(spec mailbox.Spec) SpawnOption {
	return func(c *spawnConfig) error {
		if err := spec.Validate(); err != nil {
			return fmt.Errorf("actor: WithMailbox: %w", err)
		}
		c.mailbox = spec
		return nil
	}
}

// WithLabels attaches labels, shown in [Info].
func WithLabels(labels map[string]string) SpawnOption {
	return func(c *spawnConfig) error {
		c.labels = maps.Clone(labels)
		return nil
	}
}

// WithInline promises that the handlers of the process never wait. An asker then runs an idle process itself, without the scheduler,
// and goes on when the handler returns. So a handler that breaks the promise makes its asker wait, a Kill that strikes while an asker runs it
// is told to links and monitors when it returns, and runtime.Goexit in it ends the asker's goroutine too. For an asker on another node
// the goroutine that reads from there stands in: a handler that waits holds up all that comes from that node, and Goexit ends
// the session with it.
func WithInline() SpawnOption {
	return func(c *spawnConfig) error { c.traits |= traitInline; return nil }
}

// WithLink links the new process to the one that spawns it, as SpawnLink does. From a System it means nothing.
func WithLink() SpawnOption {
	return func(c *spawnConfig) error { c.link = true; return nil }
}

// EndsChildren says that the process ends those it spawned by itself, in its own order, as a supervisor does: Shutdown of the System
// then tells it first and waits for it to be done.
func EndsChildren() SpawnOption {
	return func(c *spawnConfig) error { c.traits |= traitEndsChildren; return nil }
}

// noOptions is the configuration of most processes; nobody writes to it.
var noOptions spawnConfig

// spawnFrom is who spawns, and what relation comes of it.
type spawnFrom struct {
	by   *core // nil: from outside
	link bool
	ref  *MonitorRef
}

// Spawn starts a process. It returns after Init; the error is Init's, or says what is wrong with the arguments.
func (s *System) Spawn(a Actor, opts ...SpawnOption) (PID, error) {
	return s.spawn(a, spawnFrom{}, opts)
}

func (s *System) spawnAs(a Actor, _ bool, opts []SpawnOption) (PID, error) {
	return s.Spawn(a, opts...)
}

func (c *core) spawnAs(a Actor, link bool, opts []SpawnOption) (PID, error) {
	return c.sys.spawn(a, spawnFrom{by: c, link: link}, opts)
}

// maker is an Actor that makes a process of another kind than the plain one.
type maker interface {
	make(s *System, cfg *spawnConfig) (*process, error)
}

var errNilActor = errors.New("actor: Spawn: the actor is nil")

func nilActor(a Actor) bool {
	switch x := a.(type) {
	case nil:
		return true
	case Func:
		return x == nil
	case Blocking:
		return x == nil
	}
	v := reflect.ValueOf(a)
	return v.Kind() == reflect.Pointer && v.IsNil() || v.Kind() == reflect.Func && v.IsNil()
}

func (s *System) spawn(a Actor, from spawnFrom, opts []SpawnOption) (PID, error) {
	if nilActor(a) {
		return PID{}, errNilActor
	}
	cfg := &noOptions
	if len(opts) > 0 {
		cfg = new(spawnConfig)
		var errs []error
		for _, o := range opts {
			if o == nil {
				return PID{}, errors.New("actor: Spawn: an option is nil")
			}
			if err := o(cfg); err != nil {
				errs = append(errs, err)
			}
		}
		if len(errs) > 0 {
			return PID{}, errors.Join(errs...)
		}
	}
	if from.by != nil && from.by.p.dead() {
		return PID{}, fmt.Errorf("actor: Spawn: %w", ErrSenderDead)
	}
	from.link = from.by != nil && (from.link || cfg.link)
	p, err := s.makeProcess(a, cfg)
	if err != nil {
		return PID{}, err
	}
	return s.enroll(p, cfg, from)
}

func (s *System) makeProcess(a Actor, cfg *spawnConfig) (*process, error) {
	if m, ok := a.(maker); ok {
		return m.make(s, cfg)
	}
	if cfg.mailbox.Capacity != 0 || cfg.mailbox.Levels != 0 {
		return newQueueProcess(s, a, cfg)
	}
	q := &plainProcess{}
	q.process = process{sys: s, ops: q, actor: a, traits: cfg.traits}
	return &q.process, nil
}

// enroll makes a process that was built visible, and starts it.
func (s *System) enroll(p *process, cfg *spawnConfig, from spawnFrom) (PID, error) {
	if from.by != nil {
		p.parent = from.by.p.id
	}
	_, wantsInit := p.actor.(Initializer)
	if x, ok := p.actor.(interface{ wantsInit() bool }); ok {
		wantsInit = x.wantsInit()
	}
	own := p.traits&traitGoroutine != 0
	claimed := wantsInit || own || cfg.name != ""
	if claimed && !p.ops.claim() {
		return PID{}, errors.New("actor: Spawn: the process is not new")
	}
	if wantsInit || own {
		// From its birth somebody owns the consumer's right: messages that come early wait for Init.
		p.sig.Store(sigInit)
	}
	if err := s.admit(p, claimed); err != nil {
		return PID{}, err
	}
	pid := p.pid()
	if cfg.labels != nil {
		p.extend().rarely().labels = cfg.labels
	}
	if cfg.name != "" {
		if err := s.Register(cfg.name, pid); err != nil {
			s.withdraw(p)
			return PID{}, err
		}
	}
	s.spawned.Add(1)
	if s.subs.list.Load() != nil {
		parent := PID{}
		if p.parent != 0 {
			parent = PID{s.self, p.parent}
		}
		s.publish(Spawned{PID: pid, Name: cfg.name, Parent: parent})
	}
	if from.link {
		from.by.Link(pid)
		if from.by.p.dead() {
			p.endWith(Killed, nil) // a dead process makes no links
		}
	}
	if from.ref != nil {
		*from.ref = from.by.Monitor(pid)
	}
	if wantsInit {
		if err := s.startProcess(p, from); err != nil {
			if from.ref != nil {
				from.by.Demonitor(*from.ref)
			}
			return PID{}, err
		}
	} else if own {
		g := p.ops.(*goProcess)
		if from.by != nil {
			g.born = from.by.meta
		}
		g.launch()
	} else if claimed {
		p.ops.rest(nil)
	}
	return pid, nil
}

// admit puts p into the table unless the System stops. claimed: the caller owns the consumer's right.
func (s *System) admit(p *process, claimed bool) error {
	if s.isStopping() {
		return fmt.Errorf("actor: Spawn: %w", ErrStopped)
	}
	if !s.table.add(p) {
		return fmt.Errorf("actor: Spawn: %w", ErrTooManyProcesses)
	}
	if s.isStopping() {
		if claimed || p.ops.claim() {
			s.withdraw(p)
		} else {
			s.spawned.Add(1) // somebody found it: it was a process, for a moment
			p.kill(nil)
		}
		return fmt.Errorf("actor: Spawn: %w", ErrStopped)
	}
	return nil
}

// withdraw removes a process that never ran, whose consumer's right the caller owns. What reached it meanwhile becomes dead letters.
func (s *System) withdraw(p *process) {
	g, ok := p.condemn(NoProc)
	if !ok {
		return
	}
	p.ops.drain(g.tickets, true, undertaker{p, g.reason, nil})
	p.sig.Or(sigGone)
	s.oneLess()
}

// starting is a process whose Init has not returned.
type starting struct {
	done chan struct{}
	err  error
	meta *meta
	over atomic.Bool
	undo func() // before the end that a failed Init is
}

func (st *starting) finish(err error) {
	if st.over.CompareAndSwap(false, true) {
		st.err = err
		close(st.done)
	}
}

// startProcess runs Init: within a process right here, from outside on a worker.
func (s *System) startProcess(p *process, from spawnFrom) error {
	st := &starting{done: make(chan struct{})}
	if by := from.by; by != nil {
		st.meta = by.meta
		if from.link {
			st.undo = func() { by.Unlink(p.pid()) }
		}
	}
	e := p.extend()
	e.mu.Lock()
	if e.dead {
		e.mu.Unlock()
		return Killed // before it began
	}
	e.rarely().start = st
	e.mu.Unlock()
	if from.by != nil && from.by.host != nil {
		s.runHere(p, from.by.worker())
	} else {
		s.sched.inject(p)
	}
	<-st.done
	return st.err
}

// runHere runs a first turn that is only Init, on the spawner's goroutine.
func (s *System) runHere(p *process, w *worker) {
	c := s.inlineContext(w)
	defer s.releaseInline(c)
	c.p = p
	defer c.guardInline()
	if c.signals() {
		p.ops.rest(w)
	}
}

// start runs Init as part of the process's first turn, which goes on with the Context returned. It is false if the turn is over.
func (c *Context) start() (*Context, bool) {
	p := c.p
	e := p.extend()
	e.mu.Lock()
	st := e.rare.start
	e.mu.Unlock()
	init := p.first().(Initializer)
	c.meta = st.meta
	c.stage = stageInit
	err := init.Init(c)
	c.stage = stageNone
	c.meta = nil
	f := c.flags
	c.flags = 0
	if f&flagUsed != 0 {
		c = c.replace()
	}
	if err != nil {
		c.failStart(st, err)
		return c, false
	}
	e.mu.Lock()
	if e.rare != nil {
		e.rare.start = nil
	}
	e.mu.Unlock()
	p.sig.And(^sigInit)
	if p.dead() {
		c.p.settle(c.w, true)
		st.finish(Killed)
		return c, false
	}
	st.finish(nil)
	return c, true
}

// failStart ends a process whose Init failed: the error is the spawner's alone, so the link goes first, and a process that is to be
// ignored ends normally.
func (c *Context) failStart(st *starting, err error) {
	if st.undo != nil {
		st.undo()
	}
	reason := err
	if isReason(err, Ignore) {
		reason = Normal
	}
	e := c.p.ext.Load()
	e.mu.Lock()
	e.rare.start = nil // tell would report Normal for Ignore
	e.mu.Unlock()
	c.p.bury(reason, c.w, true)
	st.finish(err)
}
