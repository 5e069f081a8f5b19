package view_test

import (
	"errors"
	"slices"
	"time"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
	"github.com/foundation-runtime/foundation/cluster/view"
)

// proc is one life of a node.
type proc struct {
	w       *world
	id      nodeid.ID
	host    int
	v       *view.View
	dead    bool
	wake    time.Duration // stopped until then
	started time.Duration
	ready   bool
	peers   []*peer
}

// peer is what a process, and the oracle, know of another.
type peer struct {
	id        nodeid.ID
	host      int
	wanted    bool // Connect was said
	dialling  bool
	conn      bool
	lostAt    time.Duration
	session   bool
	flowed    time.Duration // both directions worked
	swim      int           // 0 unknown, 1 alive, 2 dead
	bad, wait time.Duration // since when SWIM does not reach it, and for how long that is tolerated
	heard     time.Duration
	track     track
	suspected bool
}

// on runs do at p as soon as p is awake, if it lives.
func (p *proc) on(do func()) {
	switch {
	case p.dead:
	case p.w.now < p.wake:
		p.w.after(p.wake-p.w.now, func() { p.on(do) })
	default:
		do()
	}
}

// send runs do at the other end, if that is reached.
func (p *proc) send(to int, do func(q *proc)) {
	w := p.w
	if !w.open(p.host, to) {
		return
	}
	w.after(w.between(ms/10, w.jitter), func() {
		if q := w.hosts[to].proc; q != nil && w.open(p.host, to) {
			q.on(func() { do(q) })
		}
	})
}

func (p *proc) known(id nodeid.ID) *peer {
	for _, o := range p.peers {
		if o.id == id {
			return o
		}
	}
	return nil
}

func (p *proc) peer(id nodeid.ID, host int) *peer {
	o := p.known(id)
	if o == nil {
		o = &peer{id: id, host: host, heard: p.w.now}
		p.peers = append(p.peers, o)
	}
	return o
}

func (p *proc) step(in view.Input) {
	if p.dead {
		return
	}
	for _, out := range p.v.Step(p.w.clock(), in) {
		p.execute(out)
	}
}

func (p *proc) execute(out view.Output) {
	w := p.w
	switch out := out.(type) {
	case view.Event:
		w.judge(p, out)
	case view.Connect:
		o := p.peer(out.ID, hostOf(out.Addr))
		o.wanted = true
		p.dial(o, ms)
	case view.EndSession:
		o := p.peer(out.ID, 0)
		o.wanted, o.session = false, false
		p.hangUp(o)
	case view.Dial:
		w.after(out.After, func() { p.probe(out) })
	case view.Ask:
		p.overSession(out.To, func(q *proc) { q.step(view.Asked{From: p.id, ID: out.ID}) })
	case view.Answer:
		p.overSession(out.To, func(q *proc) { q.step(view.Confirmed{From: p.id, ID: out.ID, Refused: out.Refused}) })
	case view.Tell:
		to := hostOf(out.Addr)
		p.send(to, func(q *proc) {
			if q.id == out.ID {
				q.step(view.Removed{ID: out.ID, By: p.id, Addr: addr(p.host), Floor: out.Floor, Rank: out.Rank})
			}
		})
	case view.Refuse:
		for _, q := range w.procs() {
			if q.id == out.ID {
				p.send(q.host, func(r *proc) {
					if r == q {
						r.refused(out.Why, p)
					}
				})
			}
		}
	case view.SelfRemoved:
		w.restarts = append(w.restarts, p.id)
		w.did("%v removed by %v", p.id, out.By)
		w.kill(p)
		w.after(50*ms, func() {
			if w.hosts[p.host].proc == nil && !w.hosts[p.host].off {
				w.start(p.id.Name, p.host, out.Floor)
			}
		})
	}
}

// refused is told to p by by.
func (p *proc) refused(err error, by *proc) {
	e, ok := errors.AsType[*view.AdmitError](err)
	switch {
	case !ok:
		p.w.fault("refused without an AdmitError: %v", err)
	case e.Err == view.ErrDuplicateName:
		p.w.did("%v stops: %v", p.id, err)
		p.w.kill(p)
	case e.Err == view.ErrProbing:
	default:
		p.step(view.Removed{ID: p.id, By: by.id, Addr: addr(by.host), Floor: e.Floor, Rank: e.Rank})
	}
}

func (p *proc) overSession(to nodeid.ID, do func(q *proc)) {
	if o := p.known(to); o != nil && o.conn {
		p.send(o.host, func(q *proc) {
			if q.id == to {
				do(q)
			}
		})
	}
}

// probe is a Dial.
func (p *proc) probe(d view.Dial) {
	w, to := p.w, hostOf(d.Addr)
	done := func(wait time.Duration, r view.Result, who nodeid.ID) {
		w.after(wait, func() {
			p.on(func() { p.step(view.Dialled{ID: d.ID, Attempt: d.Attempt, Result: r, Answered: who}) })
		})
	}
	h, rtt := w.hosts[to], 2*w.between(ms/10, w.jitter)
	switch {
	case w.reject[[2]int{p.host, to}]:
		done(rtt, view.Refused, nodeid.ID{})
	case !w.both(p.host, to):
		done(200*ms, view.Silent, nodeid.ID{})
	case h.deaf, h.proc == nil && w.now < h.lingers, h.proc != nil && w.now < h.proc.wake:
		done(rtt, view.Accepted, nodeid.ID{})
	case h.proc == nil:
		done(rtt, view.Refused, nodeid.ID{})
	default:
		done(rtt, view.Accepted, h.proc.id)
	}
}

// dial begins a session, or resumes one, and does not give up before EndSession.
func (p *proc) dial(o *peer, wait time.Duration) {
	if o.dialling {
		return
	}
	o.dialling = true
	p.w.after(wait+p.w.between(0, ms), func() {
		p.on(func() {
			o.dialling = false
			if !o.wanted || o.conn {
				return
			}
			if o.session && p.w.now-o.lostAt > 10*time.Second {
				o.session = false
				p.step(view.SessionDown{ID: o.id, Why: "resume timeout"})
			}
			p.shakeHands(o)
			if !p.dead && o.wanted && !o.conn {
				p.dial(o, 100*ms)
			}
		})
	})
}

func (p *proc) shakeHands(o *peer) {
	w, h := p.w, p.w.hosts[o.host]
	q := h.proc
	if q == nil || q == p || h.deaf || w.now < q.wake || !w.both(p.host, o.host) || w.reject[[2]int{p.host, o.host}] {
		return
	}
	p.met(q)
	q.met(p)
	p.step(view.Hello{ID: q.id, Addr: addr(q.host)})
	q.step(view.Hello{ID: p.id, Addr: addr(p.host)})
	if p.dead || q.dead {
		return
	}
	mine, theirs := p.v.Admit(q.id, addr(q.host)), q.v.Admit(p.id, addr(p.host))
	if theirs != nil {
		p.refused(theirs, q)
	}
	if mine != nil {
		q.refused(mine, p)
	}
	if mine != nil || theirs != nil || p.dead || q.dead {
		return
	}
	p.join(q)
	q.join(p)
}

func (p *proc) met(q *proc) { p.peer(q.id, q.host).heard = p.w.now }

func (p *proc) join(q *proc) {
	o := p.peer(q.id, q.host)
	o.wanted, o.conn, o.session, o.flowed = true, true, true, p.w.now
	p.step(view.SessionUp{ID: q.id, Addr: addr(q.host)})
}

// lose is the end of a connection, seen from p.
func (p *proc) lose(o *peer) {
	if p.dead || !o.conn {
		return
	}
	o.conn, o.lostAt = false, p.w.now
	p.on(func() {
		if o.conn {
			return
		}
		p.step(view.SessionLost{ID: o.id})
		if o.wanted {
			p.dial(o, 5*ms)
		}
	})
}

// hangUp closes a connection from p's side.
func (p *proc) hangUp(o *peer) {
	if !o.conn {
		return
	}
	o.conn = false
	p.send(o.host, func(q *proc) {
		if mine := q.known(p.id); q.id == o.id && mine != nil {
			q.lose(mine)
		}
	})
}

// cutConnection closes a connection at both ends.
func (w *world) cutConnection(a, b *proc) {
	if x, y := a.known(b.id), b.known(a.id); x != nil && y != nil {
		a.lose(x)
		b.lose(y)
	}
}

func (p *proc) heartbeat() {
	p.on(func() {
		w := p.w
		for _, o := range p.peers {
			if !o.conn {
				continue
			}
			q := w.hosts[o.host].proc
			if w.both(p.host, o.host) {
				o.flowed = w.now
				if q == nil || q.id != o.id || q.known(p.id) == nil || !q.known(p.id).conn {
					p.lose(o) // reset
					continue
				}
			} else if w.now-o.flowed > 5*time.Second {
				p.lose(o) // TCP_USER_TIMEOUT
				continue
			}
			beat := view.Status{ID: p.id, State: p.v.Self().Says, ViewID: p.v.ViewID(), Broken: p.v.Broken()}
			to := o.id
			p.send(o.host, func(q *proc) {
				if mine := q.known(p.id); q.id == to && mine != nil && mine.conn {
					mine.heard = w.now
					q.step(beat)
				}
			})
		}
		p.beReady()
		w.after(w.timing.Heartbeat, p.heartbeat)
	})
}

// beReady is the join barrier: a session with everybody who is up.
func (p *proc) beReady() {
	if p.ready || p.w.now-p.started < 300*ms {
		return
	}
	for _, m := range p.v.Members() {
		o := p.known(m.ID)
		if m.ID != p.id && (m.State == view.Joining || m.State == view.Up || m.State == view.Suspect) && (o == nil || !o.conn) {
			return
		}
	}
	if len(p.v.Members()) > 1 || p.w.now-p.started > time.Second {
		p.ready = true
		p.step(view.SelfReady{})
	}
}

// tick keeps to NextTick, more or less.
func (p *proc) tick() {
	p.on(func() {
		p.step(view.Tick{})
		if p.dead {
			return
		}
		wait := max(p.v.NextTick().Sub(p.w.clock()), 0)
		if wait > time.Minute {
			wait = p.w.timing.Heartbeat // alone; it costs nothing here
		}
		p.w.after(wait+p.w.between(0, 3*ms), p.tick)
	})
}

// reaches: a probe of SWIM arrives and is answered, directly or through a third.
func (p *proc) reaches(q *proc) bool {
	w := p.w
	if q.dead || w.now < q.wake {
		return false
	}
	if w.both(p.host, q.host) {
		return true
	}
	return slices.ContainsFunc(w.procs(), func(r *proc) bool {
		return r != p && r != q && w.now >= r.wake && w.both(p.host, r.host) && w.both(r.host, q.host)
	})
}

func (p *proc) gossip() {
	p.on(func() {
		w := p.w
		for _, q := range w.procs() {
			if q != p && p.reaches(q) {
				o := p.peer(q.id, q.host)
				o.bad = 0
				if o.swim != 1 {
					o.swim = 1
					p.step(view.SwimAlive{ID: q.id, Addr: addr(q.host)})
				}
			}
		}
		for _, o := range p.peers {
			q := w.hosts[o.host].proc
			if o.swim != 1 || q != nil && q.id == o.id && p.reaches(q) {
				continue
			}
			if o.bad == 0 {
				o.bad, o.wait = w.now, w.between(w.swim[0], w.swim[1])
			} else if w.now-o.bad >= o.wait {
				o.swim = 2
				p.step(view.SwimDead{ID: o.id})
			}
		}
		w.after(250*ms, p.gossip)
	})
}
