package actor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/foundation-runtime/foundation/mailbox"
)

// System is one node's process engine. Several can live in one OS process, even under one name; nothing is shared between
// them. An idle System has no goroutine but its parked workers and their monitor, and none before the first process runs.
type System struct {
	name    string
	started time.Time
	self    *handle
	cfg     config
	table   table
	sched   scheduler
	clock   clock
	nodes   nodes
	names   sync.Map // name to *process
	subs    subscribers
	cells   mailbox.Pool[cell]
	pools   sync.Map // reflect.Type of M to *mailbox.Pool[typedCell[M]]

	parkers  parkers
	inlines  sync.Pool // *Context for handlers that run on their asker
	graves   graves
	warnings warnings
	refs     atomic.Uint64 // monitor references

	attached   atomic.Pointer[attachment]
	resolver   atomic.Pointer[func(string) (PID, bool)] // of names that belong to no node
	wire       wireAsks
	conveyed   atomic.Uint64
	conveyLost atomic.Uint64
	arrived    atomic.Uint64

	spawned     atomic.Uint64
	exited      atomic.Uint64
	handled     atomic.Uint64 // by others than the workers of now
	taken       atomic.Uint64
	unsent      atomic.Uint64 // refused before they were in a mailbox
	dead        atomic.Uint64
	lateReplies atomic.Uint64
	deadMu      sync.Mutex // protects deadBy
	deadBy      map[string]uint64

	goroutines sync.WaitGroup // of processes with their own
	stop       stopState
}

type config struct {
	workers   int
	logger    *slog.Logger
	highWater int
	longTurn  time.Duration
}

// Option configures a System.
type Option func(*config) error

// WithWorkers sets how many processes run at once; the default is GOMAXPROCS.
func WithWorkers(n int) Option {
	return func(c *config) error {
		if n < 1 {
			return fmt.Errorf("actor: WithWorkers(%d): there must be at least 1 worker; leave the option out for one per core", n)
		}
		c.workers = n
		return nil
	}
}

// WithLogger sets where the System and its processes log; the default is slog.Default.
func WithLogger(l *slog.Logger) Option {
	return func(c *config) error {
		if l == nil {
			return errors.New("actor: WithLogger(nil): give a logger, or leave the option out for slog.Default()")
		}
		c.logger = l
		return nil
	}
}

// WithHighWater sets the mailbox length above which a [Warning] is published; 0 switches it off. The default is 100,000.
func WithHighWater(n int) Option {
	return func(c *config) error {
		if n < 0 {
			return fmt.Errorf("actor: WithHighWater(%d): the limit cannot be negative; 0 switches the warning off", n)
		}
		c.highWater = n
		return nil
	}
}

// WithLongTurn sets the time above which a running handler causes a [Warning]. The default is one second; the least that
// can be told apart is about two milliseconds.
func WithLongTurn(d time.Duration) Option {
	return func(c *config) error {
		if d <= 0 {
			return fmt.Errorf("actor: WithLongTurn(%v): the limit must be positive", d)
		}
		c.longTurn = d
		return nil
	}
}

// NewSystem makes a System. The name stands in every PID and must not be empty or contain '<', '>' or white space.
func NewSystem(name string, opts ...Option) (*System, error) {
	if name == "" || name == AnyNode || strings.ContainsAny(name, "<>\" \t\r\n") {
		return nil, fmt.Errorf("actor: NewSystem(%q): the name must not be empty, be *, or contain <, >, quotes or white space", name)
	}
	s := &System{name: name, started: time.Now()}
	s.stop.ended = make(chan struct{}, 1)
	s.stop.done = make(chan struct{})
	s.cfg = config{workers: defaultWorkers(), logger: slog.Default(), highWater: 100_000, longTurn: time.Second}
	var errs []error
	for _, o := range opts {
		if o == nil {
			errs = append(errs, errors.New("actor: NewSystem: an option is nil"))
		} else {
			errs = append(errs, o(&s.cfg))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s.self = &handle{sys: s, node: name}
	s.sched.init(s, s.cfg.workers)
	s.clock.init(s)
	return s, nil
}

// Name is the node's name.
func (s *System) Name() string { return s.name }

// System is s itself, so that whoever starts processes can be asked for their System.
func (s *System) System() *System { return s }

func (s *System) origin() origin { return origin{sys: s} }

// Sender is who can send: *System, *Context, *Process, and every [Scope].
type Sender interface {
	Send(to PID, msg any)
	origin() origin
}

// Spawner is who can start processes: *System, *Context, *Process.
type Spawner interface {
	Spawn(a Actor, opts ...SpawnOption) (PID, error)
	System() *System
	spawnAs(a Actor, link bool, opts []SpawnOption) (PID, error)
}

// Receiver is who handles a message: *Context, *Process.
type Receiver interface {
	Scope
	Self() PID
	Sender() PID
	System() *System
	take() (*ask, *worker)
	corePart() *core
}

// Send sends msg from nobody; see [Context.Send].
func (s *System) Send(to PID, msg any) { s.deliver(context.Background(), to, envelope{msg: msg}, nil) }

// TrySend is Send that reports why the message cannot be delivered; see [Context.TrySend].
func (s *System) TrySend(to PID, msg any) error {
	return s.tryDeliver(to, envelope{msg: msg}, nil)
}

// tryDeliver is deliver that never waits and returns why e was not delivered.
func (s *System) tryDeliver(to PID, e envelope, w *worker) error {
	to = s.own(to)
	if p := to.resolve(); p != nil {
		return p.ops.push(e, w)
	}
	if to.far() {
		return s.convey(context.Background(), to, e, nil, false)
	}
	return NoProc
}

// deliver brings e to the process behind to, or makes a dead letter of it. c is the sender's, if it runs as a process;
// ctx bounds the wait for room, if there is one.
func (s *System) deliver(ctx context.Context, to PID, e envelope, c *core) {
	to = s.own(to)
	p := to.resolve()
	if p == nil {
		err := error(NoProc)
		if to.far() {
			err = s.convey(ctx, to, e, c, true)
		}
		if err != nil {
			s.undeliverable(to, e, err)
		}
		return
	}
	var w *worker
	if c != nil {
		w = c.worker()
	}
	if err := p.ops.push(e, w); err != nil {
		s.pushFailed(ctx, p, e, c, err)
	}
}

// pushFailed waits for room if that is the policy of p's mailbox; else, or if that fails, e is a dead letter.
func (s *System) pushFailed(ctx context.Context, p *process, e envelope, c *core, err error) error {
	if err == ErrMailboxFull {
		if q, ok := p.ops.(waitingQueue); ok {
			err = q.pushWait(ctx, e, c)
		}
	}
	if err != nil {
		s.undeliverable(p.pid(), e, err)
	}
	return err
}

// deliverNow is deliver that never waits.
func (s *System) deliverNow(to PID, e envelope) {
	to = s.own(to)
	if h := e.hdr; h != nil && h.kind == kindTimer && to.far() {
		if !h.timer.deliver() {
			return
		}
		e.hdr = h.meta.header() // on the way nobody can stop it
	}
	if err := s.tryDeliver(to, e, nil); err != nil {
		s.undeliverable(to, e, err)
	}
}

func (s *System) undeliverable(to PID, e envelope, reason error) {
	if h := e.hdr; h != nil {
		if h.kind == kindTimer && !h.timer.deliver() {
			return
		}
		if h.ask != nil {
			h.ask.fail(reason, nil)
		}
	}
	s.refused(e.from, to, e.msg, reason, nil)
}

// Exit sends an exit signal from nobody; see [Context.Exit].
func (s *System) Exit(pid PID, reason error) {
	s.exit(PID{}, pid, reason, nil)
}

func (s *System) exit(from, pid PID, reason error, w *worker) {
	pid = s.own(pid)
	if p := pid.resolve(); p != nil {
		p.exitSignal(from, reason, false, w)
	} else if e := pid.edge(); e != nil {
		e.tell(Signal{Kind: SignalExit, From: from, To: pid, Reason: reason})
	}
}

// SendAfter sends msg from nobody after d.
func (s *System) SendAfter(d time.Duration, to PID, msg any) Timer {
	return s.clock.send(d, to, msg, PID{}, nil)
}

// Register gives a process of this System a name, until it ends or [System.Unregister]. A process has at most one name, a name
// at most one process. The error is [ErrNameTaken] if another holds it, [NoProc] if the process does not exist.
func (s *System) Register(name string, pid PID) error {
	if name == "" {
		return errors.New("actor: Register: the name is empty")
	}
	p := pid.resolve()
	if p == nil || p.sys != s {
		return fmt.Errorf("actor: Register(%q, %v): %w", name, pid, NoProc)
	}
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead {
		return fmt.Errorf("actor: Register(%q, %v): %w", name, pid, NoProc)
	}
	if e.name != "" && e.name != name {
		return fmt.Errorf("actor: Register(%q, %v): the process is named %q already; unregister that first", name, pid, e.name)
	}
	old, taken := s.names.LoadOrStore(name, p)
	for taken && old != p && old.(*process).dead() {
		// Its holder has ended and is about to free it.
		s.names.CompareAndDelete(name, old)
		old, taken = s.names.LoadOrStore(name, p)
	}
	if taken && old != p {
		return fmt.Errorf("actor: Register(%q, %v): %w by %v", name, pid, ErrNameTaken, old.(*process).pid())
	}
	e.name = name
	return nil
}

// Unregister frees a name. It reports whether somebody held it.
func (s *System) Unregister(name string) bool {
	q, ok := s.names.Load(name)
	if !ok {
		return false
	}
	p := q.(*process)
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.name == name {
		e.name = ""
	}
	return s.names.CompareAndDelete(name, q)
}

// Whereis returns the holder of a name.
func (s *System) Whereis(name string) (PID, bool) {
	q, ok := s.names.Load(name)
	if !ok {
		return PID{}, false
	}
	return q.(*process).pid(), true
}

// Alive reports whether the process behind pid has not ended. It says nothing of the moment after. Of processes of other nodes
// nothing is known here: it is false.
func (s *System) Alive(pid PID) bool {
	p := pid.resolve()
	return p != nil && !p.dead()
}

// Processes yields the PIDs of all processes, in no particular order. Those that start or end meanwhile may be missed or seen.
func (s *System) Processes() iter.Seq[PID] {
	return func(yield func(PID) bool) {
		s.table.each(func(p *process) bool { return yield(p.pid()) })
	}
}

// Stats counts messages and processes since the System was made. The numbers are exact when nothing is under way; then
// Sent = Handled + Dead + Queued.
type Stats struct {
	Processes   int               // alive now
	Spawned     uint64            // started
	Exited      uint64            // ended
	Sent        uint64            // messages, signals delivered as messages included
	Handled     uint64            // messages a handler returned from, or panicked with
	Dead        uint64            // dead letters
	DeadBy      map[string]uint64 // by the text of the reason
	Queued      int               // in mailboxes and stashes now
	LateReplies uint64            // answers nobody waited for

	// Messages and requests between nodes. What was conveyed is handled, and counted above, at the other node; what arrived is
	// counted above too. What was lost on the way was conveyed and is a dead letter: Sent and Dead count it here.
	Conveyed   uint64
	ConveyLost uint64
	Arrived    uint64
}

// Stats looks at every process; it is not for every millisecond.
func (s *System) Stats() Stats {
	st := Stats{Processes: s.table.count(), Exited: s.exited.Load(), Spawned: s.spawned.Load(), LateReplies: s.lateReplies.Load()}
	st.Conveyed, st.ConveyLost, st.Arrived = s.conveyed.Load(), s.conveyLost.Load(), s.arrived.Load()
	queued, aside := 0, 0
	s.table.each(func(p *process) bool {
		queued += p.ops.queued()
		aside += p.aside()
		return true
	})
	taken := s.taken.Load()
	st.Handled = s.handled.Load()
	for _, w := range *s.sched.all.Load() {
		st.Handled += w.tally.allHandled.Load()
		taken += w.tally.allTaken.Load()
	}
	s.deadMu.Lock()
	st.Dead = s.dead.Load()
	st.DeadBy = make(map[string]uint64, len(s.deadBy))
	for k, n := range s.deadBy {
		st.DeadBy[k] = n
	}
	s.deadMu.Unlock()
	st.Sent = taken + s.unsent.Load() + uint64(queued)
	st.Queued = queued + aside
	return st
}

// Shutdown ends the System: it stops intake, ends all processes with [Shutdown], children before those that spawned them, and
// waits for them. When ctx ends first the rest is killed, and the error is ctx's. No goroutine of the System is left, except of
// handlers that do not return. Calling it again waits for the same end and returns nil.
func (s *System) Shutdown(ctx context.Context) error { return s.shutdown(ctx) }
