package actor

import (
	"context"
	"errors"

	"github.com/foundation-runtime/foundation/mailbox"
)

// box is a bounded or priority mailbox, or an unbounded one that several goroutines may empty. present tells an evicted cell
// from none.
type box struct {
	mailbox.Queue[boxed]
	blocks bool
	levels int
}

type boxed struct {
	envelope
	present bool
}

func newBox(spec mailbox.Spec) (box, error) {
	var level func(boxed) int
	if spec.Level != nil {
		level = func(b boxed) (n int) {
			// A sender is not to pay for a level function of the receiver that panics: the message is the least urgent.
			defer func() {
				if recover() != nil {
					n = spec.Levels - 1
				}
			}()
			return spec.Level(b.msg)
		}
	}
	q, err := mailbox.New(spec, level)
	return box{q, spec.Capacity > 0 && spec.Overflow == mailbox.Block, spec.Levels}, err
}

// put stores a message; evicted is what made room for it.
func (b *box) put(p *process, e envelope) error {
	lost, err := b.Push(boxed{e, true})
	if h := lost.hdr; lost.present && (h == nil || h.kind != kindTimer || h.timer.deliver()) {
		p.sys.unsent.Add(1) // it leaves the queue without having been taken
		p.sys.lost(lost.from, p.pid(), lost.msg, ErrMailboxFull)
		if a := lost.hdr.askOf(); a != nil {
			a.fail(ErrMailboxFull, nil)
		}
	}
	return boxReason(err)
}

func boxReason(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, mailbox.ErrClosed):
		return NoProc
	}
	return ErrMailboxFull
}

// force stores a signal: it needs no room, is never evicted, and stands behind everything that is queued.
func (b *box) force(e envelope) bool {
	v := boxed{e, true}
	switch q := b.Queue.(type) {
	case *mailbox.Bounded[boxed]:
		return q.PushForced(v) == nil
	case *mailbox.Priority[boxed]:
		return q.PushForced(v, b.levels-1) == nil
	}
	_, err := b.Push(v)
	return err == nil
}

// queueProcess has a mailbox with a policy. Its inbox holds no messages: it is only the right to consume.
type queueProcess struct {
	process
	box
	in mailbox.Inbox[cell]
}

func newQueueProcess(s *System, a Actor, cfg *spawnConfig) (*process, error) {
	b, err := newBox(cfg.mailbox)
	if err != nil {
		return nil, err
	}
	q := &queueProcess{box: b}
	q.process = process{sys: s, ops: q, actor: a, traits: cfg.traits}
	return &q.process, nil
}

func (p *queueProcess) push(e envelope, w *worker) error {
	if err := p.put(&p.process, e); err != nil {
		return err
	}
	p.wake(w)
	return nil
}

// waitingQueue is a process whose mailbox may make the sender wait.
type waitingQueue interface {
	pushWait(ctx context.Context, e envelope, c *core) error
}

// pushWait parks the sender until there is room. A process cannot wait for itself.
func (p *queueProcess) pushWait(ctx context.Context, e envelope, c *core) error {
	err := p.box.wait(ctx, &p.process, e, c)
	if err == nil {
		p.wake(nil)
	}
	return err
}

func (b *box) wait(ctx context.Context, p *process, e envelope, c *core) error {
	if !b.blocks || c != nil && c.p == p {
		return ErrMailboxFull
	}
	if c != nil && c.host != nil {
		ctx = c.host
		c.host.block()
		defer c.host.unblock()
	}
	return boxReason(b.PushWait(ctx, boxed{e, true}))
}

func (p *queueProcess) signal(h *header, from PID, w *worker) bool {
	if !p.force(envelope{from: from, hdr: h}) {
		return false
	}
	p.wake(w)
	return true
}

func (p *queueProcess) wake(w *worker) {
	if p.in.Poke() {
		p.sys.sched.ready(&p.process, w)
	}
}

func (p *queueProcess) shut() (uint64, bool) {
	_, idle, _ := p.in.Close()
	p.Close()
	return 1, idle
}

func (p *queueProcess) drain(_ uint64, _ bool, u undertaker) {
	for b, ok := p.Pop(); ok; b, ok = p.Pop() {
		u.lose(b.envelope)
	}
}

func (p *queueProcess) queued() int { return p.Len() }

func (p *queueProcess) claim() bool { return p.Len() == 0 && p.in.Claim() }

func (p *queueProcess) receive(c *Context, payload any) error {
	if payload == nil {
		payload = c.env.msg
	}
	return p.actor.Receive(c, payload)
}

func (p *queueProcess) current(c *Context) any { return c.env.msg }

func (p *queueProcess) rest(w *worker) {
	if p.local&localFront != 0 || !p.release() {
		p.sys.sched.later(&p.process, w)
	}
}

// release gives the consumer's right back. Who pushed before it relies on this look at the queue; who pushes after it pokes.
func (p *queueProcess) release() bool {
	return p.in.Release(&p.sys.cells) && (p.Len() == 0 && p.sig.Load()&^sigTrace == 0 || !p.in.Poke())
}

func (p *queueProcess) turn(w *worker) {
	c := w.begin(&p.process)
	if p.sig.Load() != 0 && !c.signals() {
		return
	}
	c = w.ctx // Init may have used the other up
	for n := 0; ; n++ {
		if n >= turnMessages || w.preempt.Load() != 0 {
			w.yield(&p.process)
			return
		}
		if p.local&localFront == 0 || !c.front() {
			b, ok := p.Pop()
			if !ok {
				if p.release() {
					return
				}
				if p.dead() {
					p.settle(w, true)
					return
				}
				if p.sig.Load() != 0 && !c.signals() {
					return
				}
				c = w.ctx
				continue
			}
			c.tally.taken++
			c.env = b.envelope
		}
		if !c.handle() {
			return
		}
		c = w.ctx
	}
}
