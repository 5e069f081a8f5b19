package actor

import (
	"slices"
)

// Reply answers the request being handled. R may be an interface: Reply[fmt.Stringer](…). Of several answers the first counts;
// if the message is not a request, or its asker gave up, the answer is counted and dropped.
func Reply[R any](c Receiver, req Request[R], r R) {
	if a, w := c.take(); a != nil {
		answer(a, r, w)
	}
}

// Fail answers the request being handled with an error, which Ask returns as it is.
func Fail(c Receiver, err error) {
	if a, w := c.take(); a != nil {
		if err == nil {
			err = ErrNoReply
		}
		if !a.fail(err, w) {
			a.sys.lateReplies.Add(1)
		}
	}
}

// ReplyTo is the duty to answer a request later, from anywhere. The zero value is of nobody's request.
type ReplyTo[R any] struct{ a *ask }

// IsReplyTo does nothing: codecs know a ReplyTo of any R by it.
func (ReplyTo[R]) IsReplyTo() {}

// DeferReply puts the answer to the request being handled off. The process owes it then: if it ends first, the asker gets an
// [*ExitError].
func DeferReply[R any](c Receiver, req Request[R]) ReplyTo[R] {
	a, _ := c.take()
	if a != nil {
		c.corePart().p.owe(a)
	}
	return ReplyTo[R]{a}
}

// Reply answers, once; later answers are counted and dropped.
func (t ReplyTo[R]) Reply(r R) {
	if t.a != nil {
		answer(t.a, r, nil)
	}
}

// Fail answers with an error, once.
func (t ReplyTo[R]) Fail(err error) {
	if t.a == nil {
		return
	}
	if err == nil {
		err = ErrNoReply
	}
	if !t.a.fail(err, nil) {
		t.a.sys.lateReplies.Add(1)
	}
}

// take returns the request being handled and marks it as dealt with.
func (c *Context) take() (*ask, *worker) {
	a := c.env.hdr.askOf()
	if a == nil {
		c.sys.lateReplies.Add(1)
		return nil, nil
	}
	c.flags |= flagAnswered
	return a, c.w
}

func (c *core) corePart() *core { return c }

// owe makes the asker of a learn of p's end, if that comes before the answer.
func (p *process) owe(a *ask) {
	e := p.extend()
	e.mu.Lock()
	if e.dead {
		e.mu.Unlock()
		a.fail(&ExitError{PID: p.pid(), Reason: e.reason}, nil)
		return
	}
	if a.owner.CompareAndSwap(nil, p) {
		r := e.rarely()
		r.owed = append(r.owed, a)
	}
	e.mu.Unlock()
	if a.expired() {
		a.disown() // it was over before there was somebody to disown
	}
}

// disown is the opposite of owe, by whoever answers.
func (a *ask) disown() {
	p := a.owner.Load()
	if p == nil {
		return
	}
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rare == nil {
		return
	}
	owed := e.rare.owed
	if i := slices.Index(owed, a); i >= 0 {
		last := len(owed) - 1
		owed[i], owed[last] = owed[last], nil
		e.rare.owed = owed[:last]
	}
}
