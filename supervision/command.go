package supervision

import "time"

type commandKind uint8

const (
	cmdStart commandKind = iota
	cmdTerminate
	cmdRestart
	cmdDelete
)

// command is what a caller wants of a supervisor. token comes back with the reply.
type command[P comparable] struct {
	kind  commandKind
	token uint64
	child *Child // start
	id    string // the others, unless the supervisor is dynamic
	pid   P      // which knows children by pid
}

func (m *machine[P]) find(c *command[P]) *entry[P] {
	if m.conf.dynamic {
		if c.kind == cmdStart {
			return nil
		}
		return m.table.byPID[c.pid]
	}
	if c.kind == cmdStart {
		return m.table.byID[c.child.ID]
	}
	return m.table.byID[c.id]
}

// command carries out c, now or when what is under way is finished. There is exactly one reply, unless the supervisor
// ends before.
func (m *machine[P]) command(now time.Duration, c *command[P]) {
	if m.phase != phaseRunning && m.phase != phaseStarting {
		return
	}
	e := m.find(c)
	if o := m.busy(e); o != nil {
		o.pending = append(o.pending, pending[P]{command: c})
		return
	}
	switch c.kind {
	case cmdStart:
		m.startChild(now, c, e)
	case cmdTerminate:
		m.terminateChild(now, c, e)
	case cmdRestart:
		m.restartChild(now, c, e)
	default:
		m.deleteChild(c, e)
	}
}

func (m *machine[P]) reply(token uint64, e *entry[P], err error) {
	a := action[P]{kind: actReply, token: token, e: e, err: err}
	if e != nil {
		a.pid = e.shown()
	}
	m.emit(a)
}

func (m *machine[P]) startChild(now time.Duration, c *command[P], e *entry[P]) {
	switch {
	case e != nil && (e.state == stateRunning || e.state == stateStopping):
		m.reply(c.token, e, ErrAlreadyStarted)
	case e != nil:
		m.reply(c.token, e, ErrAlreadyPresent)
	case m.conf.max > 0 && m.table.n >= m.conf.max:
		m.reply(c.token, nil, ErrMaxChildren)
	default:
		e = m.table.insert(c.child)
		e.hidden = true
		o := &op[P]{kind: opStartCmd, token: c.token, cause: e}
		o.startOnly(e)
		m.launch(now, e, o)
	}
}

func (m *machine[P]) terminateChild(now time.Duration, c *command[P], e *entry[P]) {
	switch {
	case e == nil:
		m.reply(c.token, nil, ErrNotFound)
	case e.live:
		m.launch(now, e, &op[P]{kind: opTerminateCmd, token: c.token, cause: e, stops: []*entry[P]{e}})
	default:
		if e.state == stateRestarting {
			m.retire(e)
		}
		m.reply(c.token, nil, nil)
	}
}

func (m *machine[P]) restartChild(now time.Duration, c *command[P], e *entry[P]) {
	switch {
	case e == nil:
		m.reply(c.token, nil, ErrNotFound)
	case e.state == stateRestarting:
		m.reply(c.token, nil, ErrRestarting)
	case e.state != stateIdle:
		m.reply(c.token, e, ErrRunning)
	default:
		o := &op[P]{kind: opRestartCmd, token: c.token, cause: e}
		o.startOnly(e)
		m.launch(now, e, o)
	}
}

func (m *machine[P]) deleteChild(c *command[P], e *entry[P]) {
	switch {
	case e == nil:
		m.reply(c.token, nil, ErrNotFound)
	case e.state == stateRestarting:
		m.reply(c.token, nil, ErrRestarting)
	case e.state != stateIdle:
		m.reply(c.token, e, ErrRunning)
	default:
		m.table.remove(e)
		m.reply(c.token, nil, nil)
	}
}

// answer replies to the command whose operation is finished.
func (m *machine[P]) answer(o *op[P]) {
	switch {
	case o.err != nil:
		m.emit(action[P]{kind: actReply, end: endStart, token: o.token, e: o.failed, err: o.err})
	case o.kind == opTerminateCmd:
		m.reply(o.token, nil, nil)
	default:
		m.reply(o.token, o.cause, nil)
	}
}
