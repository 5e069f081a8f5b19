package actor

// runInline runs the turn of a process that the caller claimed, for one request, on the caller's goroutine.
func (s *System) runInline(p *process, e envelope, w *worker) {
	c := s.inlineContext(w)
	defer s.releaseInline(c)
	c.p = p
	defer c.guardInline()
	if p.sig.Load() != 0 && !c.signals() {
		// It ended, or was suspended, instead.
		if err := p.ops.push(e, w); err != nil {
			s.undeliverable(p.pid(), e, err)
		}
		return
	}
	c.env = e
	c.tally.taken++
	if c.handle() {
		p.ops.rest(w)
	}
}

// inlineContext returns a Context for running a process outside a worker's own turn.
func (s *System) inlineContext(w *worker) *Context {
	c, _ := s.inlines.Get().(*Context)
	if c == nil {
		c = newContext(s, nil, &tally{})
	}
	if w != nil && w.sys == s {
		c.w = w
	}
	return c
}

func (s *System) releaseInline(c *Context) {
	s.handled.Add(c.tally.handled)
	s.taken.Add(c.tally.taken)
	*c.tally = tally{}
	if c.span == nil {
		c.p, c.w, c.env = nil, nil, envelope{}
		s.inlines.Put(c)
	}
}

// guardInline is deferred around user code that runs on a caller's goroutine.
func (c *Context) guardInline() {
	if c.stage != stageNone {
		c.crashed(recover())
	}
}
