package actor

import "time"

// Idle is delivered after the time set with [Context.IdleAfter] without a message.
type Idle struct{}

// Become makes a handle the messages from the next one on. It calls neither Init nor Terminate; a nil a does nothing.
func (c *Context) Become(a Actor) {
	if nilActor(a) {
		return
	}
	e := c.p.extend()
	if e == deadExt {
		return
	}
	e.mu.Lock()
	r := e.rarely()
	e.mu.Unlock()
	r.behaviours = append(r.behaviours, c.p.actor)
	c.p.actor = a
	c.p.local |= localBecame
}

// Unbecome goes back to the behaviour before the last Become.
func (c *Context) Unbecome() {
	if c.p.local&localBecame == 0 {
		return
	}
	r := c.p.ext.Load().rare
	last := len(r.behaviours) - 1
	c.p.actor = r.behaviours[last]
	r.behaviours[last] = nil
	r.behaviours = r.behaviours[:last]
	if last == 0 {
		c.p.local &^= localBecame
	}
}

// Stash puts the message being handled aside, with its sender and asker, until [Context.Unstash].
func (c *Context) Stash() {
	if c.stage != stageMessage || c.flags&(flagStashed|flagUnhandled) != 0 {
		return
	}
	env := envelope{c.p.ops.current(c), c.env.from, c.env.hdr}
	if h := env.hdr; h != nil && h.kind == kindTimer {
		env.hdr = h.meta.header() // its timer has done its part
	}
	e := c.p.extend()
	e.mu.Lock()
	dead := e.dead
	if !dead {
		r := e.rarely()
		r.stash = append(r.stash, env)
	}
	e.mu.Unlock()
	if dead {
		return
	}
	c.flags |= flagStashed | flagAnswered
	c.p.asked.Store(nil)
}

// Unstash puts what was stashed back before the queue, in the order it was stashed.
func (c *Context) Unstash() {
	e := c.p.ext.Load()
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead || e.rare == nil || len(e.rare.stash) == 0 {
		return
	}
	r := e.rare
	r.front = append(r.stash, r.front...)
	r.stash = nil
	c.p.local |= localFront
}

// front takes the next message that stands before the queue.
func (c *Context) front() bool {
	p := c.p
	e := p.ext.Load()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rare == nil || len(e.rare.front) == 0 {
		p.local &^= localFront
		return false
	}
	r := e.rare
	c.env = r.front[0]
	r.front[0] = envelope{}
	if r.front = r.front[1:]; len(r.front) == 0 {
		r.front = nil
		p.local &^= localFront
	}
	return true
}

// putBack undoes the taking of the message in c.env.
func (c *Context) putBack() {
	p := c.p
	env := envelope{p.ops.current(c), c.env.from, c.env.hdr}
	c.env = envelope{}
	e := p.extend()
	e.mu.Lock()
	if !e.dead {
		r := e.rarely()
		r.front = append([]envelope{env}, r.front...)
		p.local |= localFront
		e.mu.Unlock()
		return
	}
	g := e.grave
	e.mu.Unlock()
	reason := Killed
	if g != nil {
		reason = g.reason
	}
	p.loseTaken(env, reason, c.w)
}

// aside is how many messages are stashed, or unstashed and not handled.
func (p *process) aside() int {
	e := p.ext.Load()
	if e == nil {
		return 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rare == nil {
		return 0
	}
	return len(e.rare.stash) + len(e.rare.front)
}

// IdleAfter makes an [Idle] arrive whenever d passed without a message since the last one, or the last Idle. d <= 0 ends that.
func (c *Context) IdleAfter(d time.Duration) {
	p := c.p
	e := p.extend()
	if e == deadExt {
		return
	}
	e.mu.Lock()
	r := e.rarely()
	r.idle.after = d
	r.idle.gen++
	e.mu.Unlock()
	if d <= 0 {
		p.local &^= localIdle
		return
	}
	p.local |= localIdle
	p.rearmIdle()
}

// rearmIdle notes that a message was handled. The timer is moved when it fires, not at every message.
func (p *process) rearmIdle() {
	e := p.extend()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead || e.rare == nil {
		return
	}
	i := &e.rare.idle
	i.gen++
	i.last = time.Now()
	if i.t == nil {
		i.t = p.sys.clock.call(i.after, p.idleOver)
	} else if i.t.at.After(i.last.Add(i.after)) {
		i.t.stop()
		i.t = p.sys.clock.call(i.after, p.idleOver)
	}
}

func (p *process) idleOver() {
	e := p.ext.Load()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dead || e.rare == nil || e.rare.idle.after <= 0 {
		return
	}
	i := &e.rare.idle
	i.t = nil
	if left := i.after - time.Since(i.last); left > 0 {
		i.t = p.sys.clock.call(left, p.idleOver)
		return
	}
	p.ops.signal(newSignal(kindIdle, Idle{}, i.gen), PID{}, nil)
}
