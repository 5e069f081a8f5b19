package actor

import (
	"reflect"

	"github.com/foundation-runtime/foundation/mailbox"
)

// TypedActor is a behaviour for messages of one type. They are stored and delivered unboxed. An untyped Send of an M arrives as
// well; any other message becomes a dead letter with [ErrWrongType].
type TypedActor[M any] interface {
	Receive(ctx *Context, msg M) error
}

// TypedFunc is a TypedActor.
type TypedFunc[M any] func(ctx *Context, msg M) error

// Receive calls f.
func (f TypedFunc[M]) Receive(ctx *Context, msg M) error { return f(ctx, msg) }

// SignalReceiver is a typed actor that wants ExitSignal, Down and Idle, which otherwise become dead letters.
type SignalReceiver interface {
	ReceiveSignal(ctx *Context, sig any) error
}

// Ref addresses a process that takes messages of type M. It is comparable. The zero Ref is nobody.
type Ref[M any] struct{ PID PID }

// RefOf makes a Ref of a PID; RefOf[M](sys.Named("bank")) outlives restarts. That the process takes an M is checked when a
// message arrives.
func RefOf[M any](pid PID) Ref[M] { return Ref[M]{pid} }

// Send sends msg on behalf of from, without allocation; otherwise it is as [Context.Send].
func (r Ref[M]) Send(from Sender, msg M) {
	var self PID
	var h *header
	var w *worker
	var s *System
	switch x := from.(type) {
	case *Context:
		if x.p.status.Load() >= statusDead {
			x.killed(r.PID, msg)
			return
		}
		self, h, w, s = x.p.pid(), x.meta.header(), x.w, x.sys
	case *System:
		s = x
	default:
		o := from.origin()
		if o.over() {
			o.ended(r.PID, msg) // here, so that msg is boxed only then
			return
		}
		self, h, s = o.from, o.meta.header(), o.sys
	}
	if p := r.PID.resolve(); p != nil && r.PID.h.sys == s {
		if q, ok := p.ops.(*typedProcess[M]); ok && q.put(msg, self, h, w) == nil {
			return
		}
	}
	if x, ok := from.(*scope); ok {
		x.Send(r.PID, msg) // its context bounds the wait for room
		return
	}
	from.origin().deliver(r.PID, envelope{msg, self, h})
}

// Typed makes an Actor of a TypedActor: whatever starts something takes an Actor.
func Typed[M any](a TypedActor[M]) Actor { return &typedActor[M]{a} }

// SpawnTyped starts a process for messages of type M.
func SpawnTyped[M any](s Spawner, a TypedActor[M], opts ...SpawnOption) (Ref[M], error) {
	if a == nil {
		return Ref[M]{}, errNilActor
	}
	pid, err := s.Spawn(Typed(a), opts...)
	return Ref[M]{pid}, err
}

type typedActor[M any] struct{ a TypedActor[M] }

// Receive is used where messages are stored boxed: in policy mailboxes and after Become.
func (t *typedActor[M]) Receive(c *Context, msg any) error {
	if m, ok := asType[M](msg); ok {
		return t.a.Receive(c, m)
	}
	return t.signal(c, msg)
}

func (t *typedActor[M]) signal(c *Context, msg any) error {
	switch msg.(type) {
	case ExitSignal, Down, Idle:
		if s, ok := t.a.(SignalReceiver); ok {
			return s.ReceiveSignal(c, msg)
		}
		return c.Unhandled()
	}
	return c.wrongType()
}

func (c *Context) wrongType() error {
	c.flags |= flagUnhandled
	if a := c.env.hdr.askOf(); a != nil {
		c.flags |= flagAnswered
		a.fail(ErrWrongType, c.w)
	}
	c.sys.lost(c.env.from, c.p.pid(), c.p.ops.current(c), ErrWrongType)
	return nil
}

func (t *typedActor[M]) wantsInit() bool { _, ok := t.a.(Initializer); return ok }

func (t *typedActor[M]) Init(c *Context) error {
	if i, ok := t.a.(Initializer); ok {
		return i.Init(c)
	}
	return nil
}

func (t *typedActor[M]) terminator() Terminator {
	x, _ := t.a.(Terminator)
	return x
}

func (t *typedActor[M]) make(s *System, cfg *spawnConfig) (*process, error) {
	v := reflect.ValueOf(t.a)
	if t.a == nil || (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil() {
		return nil, errNilActor
	}
	if cfg.mailbox.Capacity != 0 || cfg.mailbox.Levels != 0 {
		return newQueueProcess(s, t, cfg)
	}
	q := &typedProcess[M]{to: t.a, pool: poolOf[M](s)}
	q.process = process{sys: s, ops: q, actor: t, traits: cfg.traits}
	return &q.process, nil
}

func poolOf[M any](s *System) *mailbox.Pool[typedCell[M]] {
	key := reflect.TypeFor[M]()
	if p, ok := s.pools.Load(key); ok {
		return p.(*mailbox.Pool[typedCell[M]])
	}
	p, _ := s.pools.LoadOrStore(key, new(mailbox.Pool[typedCell[M]]))
	return p.(*mailbox.Pool[typedCell[M]])
}

// asType is msg.(M) that takes an untyped nil for the nil of an interface type.
func asType[M any](msg any) (m M, ok bool) {
	m, ok = msg.(M)
	if !ok && msg == nil {
		ok = reflect.TypeFor[M]().Kind() == reflect.Interface
	}
	return m, ok
}

// typedProcess stores its messages unboxed.
type typedProcess[M any] struct {
	in mailbox.Inbox[typedCell[M]]
	process
	pool *mailbox.Pool[typedCell[M]]
	to   TypedActor[M]
	cur  typedCell[M] // the message being handled
}

func (p *typedProcess[M]) push(e envelope, w *worker) error {
	m, ok := asType[M](e.msg)
	if !ok {
		return ErrWrongType
	}
	return p.put(m, e.from, e.hdr, w)
}

func (p *typedProcess[M]) put(msg M, from PID, h *header, w *worker) error {
	tag, h := p.sys.tagOf(from, h)
	ticket := p.in.Ticket()
	if cell := p.in.Sole(ticket, tag); cell != nil {
		cell.msg, cell.hdr = msg, h
		p.sys.sched.ready(&p.process, w)
		return nil
	}
	cell, ready := p.in.Cell(p.pool, ticket)
	if cell == nil {
		return NoProc
	}
	cell.msg, cell.hdr = msg, h
	ready.Store(tag)
	return nil
}

func (p *typedProcess[M]) signal(h *header, from PID, w *worker) bool {
	var none M
	return p.put(none, from, h, w) == nil
}

func (p *typedProcess[M]) wake(w *worker) {
	if p.in.Poke() {
		p.sys.sched.ready(&p.process, w)
	}
}

func (p *typedProcess[M]) shut() (uint64, bool) {
	tickets, idle, _ := p.in.Close()
	return tickets, idle
}

func (p *typedProcess[M]) drain(tickets uint64, owner bool, u undertaker) {
	p.in.DrainTagged(tickets, owner, func(c *typedCell[M], tag uint64) { u.lose(envelope{c.msg, p.sys.sender(tag, c.hdr), c.hdr}) })
}

func (p *typedProcess[M]) queued() int { return p.in.Len(p.consuming()) }

func (p *typedProcess[M]) begun() bool { return p.in.Begun() }

func (p *typedProcess[M]) claim() bool { return p.in.Claim() }

func (p *typedProcess[M]) receive(c *Context, payload any) error {
	if payload == nil && c.env.msg != nil {
		payload = c.env.msg // run by the asker, boxed
	}
	t, ok := p.actor.(*typedActor[M])
	switch {
	case payload != nil && ok:
		return t.Receive(c, payload)
	case payload != nil:
		return p.actor.Receive(c, payload)
	case ok:
		return t.a.Receive(c, p.cur.msg)
	}
	return p.actor.Receive(c, p.cur.msg)
}

func (p *typedProcess[M]) current(c *Context) any {
	if c.env.msg != nil {
		return c.env.msg
	}
	return p.cur.msg
}

func (p *typedProcess[M]) rest(w *worker) {
	if p.local&localFront != 0 || p.in.Queued() || !p.in.Release(p.pool) || p.sig.Load()&^sigTrace != 0 && p.in.Poke() {
		p.sys.sched.later(&p.process, w)
	}
}

// turn is plainProcess.turn for another cell; see there.
func (p *typedProcess[M]) turn(w *worker) {
	c := w.begin(&p.process)
	in, pool, t := &p.in, p.pool, &w.tally
	var at mailbox.Cursor[typedCell[M]]
	c.env = envelope{} // its msg, if set, stands for cur's
	n, waits := 0, 0
	if p.sig.Load() != 0 && !c.signals() {
		return
	}
	c = w.ctx // Init may have used the other up
	for {
		if p.local&localFront != 0 && c.front() {
			p.cur.msg, _ = asType[M](c.env.msg)
			c.env.msg = nil
			if !c.handle() {
				return
			}
			c = w.ctx
			continue
		}
		sole := true
		x, tag := in.First()
		if x != nil {
			p.cur.msg, p.cur.hdr = x.msg, x.hdr
			in.DropFirst()
		} else if x, tag = at.Cell(); x != nil {
			sole = false
			p.cur.msg, p.cur.hdr = x.msg, x.hdr
			if !at.Drop() && !at.Mine() {
				continue
			}
		}
		if x != nil {
			t.taken++
			c.env.from, c.env.hdr = c.sys.sender(tag, p.cur.hdr), p.cur.hdr
			if h := p.cur.hdr; h.plain() && p.local == 0 && p.sig.Load() == 0 {
				if c.stage = stageMessage; h != nil {
					c.meta = h.meta
				}
				err := p.to.Receive(c, p.cur.msg)
				if err == nil && c.flags == 0 && p.sig.Load() == 0 {
					if c.stage = stageNone; h != nil {
						c.meta = nil
					}
					t.plain++
				} else if !c.finish(err) {
					return
				}
			} else if !c.handle() {
				return
			}
			if sole {
				t.settle(&p.process)
			}
			if sole && p.local&localFront == 0 {
				p.cur = typedCell[M]{}
				if in.ReleaseFirst() {
					p.released(w)
					return
				}
			}
			c = w.ctx
			if n++; n >= turnMessages || w.preempt.Load() != 0 {
				w.yield(&p.process)
				return
			}
			waits = 0
			continue
		}
		t.settle(&p.process)
		switch in.Seek(pool, &at) {
		case mailbox.Got:
		case mailbox.Busy:
			if waits++; waits > busyPatience || w.hasWork() || p.dead() {
				if c.signals() {
					w.stall(&p.process)
				}
				return
			}
			pause(flowPause)
		case mailbox.Empty:
			if n >= flowMessages && waits < flowPatience && p.far.Load() == 0 && !w.hasWork() {
				waits++
				pause(flowPause)
				continue
			}
			at, p.cur = mailbox.Cursor[typedCell[M]]{}, typedCell[M]{}
			p.emptied()
			if in.Release(pool) {
				p.released(w)
				return
			}
			if p.sig.Load() != 0 && !c.signals() {
				return
			}
			c = w.ctx
		}
	}
}

// released is plainProcess.released.
func (p *typedProcess[M]) released(w *worker) {
	if p.sig.Load()&^sigTrace != 0 && p.in.Poke() {
		w.yield(&p.process)
	}
}
