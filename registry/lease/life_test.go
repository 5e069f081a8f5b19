package lease

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// TestLife runs the decisions of life against a model of Consul under random times: requests and answers that are late, lost and out of
// order, sessions that are destroyed, ticks that come late. A session that life believes in exists at Consul, or was destroyed by hand
// within the lock delay; life is always doing something about having none.
func TestLife(t *testing.T) {
	runs := 3000
	if testing.Short() {
		runs = 300
	}
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed, runs = n, 1
	}
	seen := map[string]int{}
	for i := range uint64(runs) {
		if err := oneLife(seed+i, seen); err != nil {
			t.Fatalf("SEED=%d: %v", seed+i, err)
		}
	}
	for _, what := range []string{"began", "lapsed", "gone", "late", "orphan", "renewed"} {
		if seen[what] == 0 && runs > 1 {
			t.Errorf("in no run happened: %s (seed %d)", what, seed)
		}
	}
}

// modelSession is a session at the model of Consul.
type modelSession struct {
	expires   time.Time // after that it may end at any time; the model ends it at once
	destroyed time.Time // by hand
}

// parcel is a request or an answer under way.
type parcel struct {
	at     time.Time
	req    request
	sent   time.Time
	answer *answer
}

type lifeModel struct {
	r        *rand.Rand
	now      time.Time
	l        life
	sessions map[string]*modelSession
	way      []parcel
	wake     time.Time
	sent     map[string]time.Time // last request that was answered well, by session
	seen     map[string]int
	good     bool // the network
	calm     bool // nothing bad happens any more
}

func oneLife(seed uint64, seen map[string]int) error {
	r := rand.New(rand.NewPCG(seed, 7))
	cfg := Config{TTL: time.Duration(10+r.IntN(50)) * time.Second}.withDefaults()
	if err := cfg.check(); err != nil {
		return err
	}
	start := time.Unix(1e9, 0)
	m := &lifeModel{r: r, now: start, l: life{t: cfg.timings(), due: start}, sessions: map[string]*modelSession{}, wake: start,
		sent: map[string]time.Time{}, seen: seen, good: true}
	for range 600 {
		if err := m.step(); err != nil {
			return err
		}
	}
	// When all is well again there is a session soon.
	m.good, m.calm = true, true
	end := m.now.Add(4 * cfg.TTL)
	for m.now.Before(end) {
		if err := m.step(); err != nil {
			return err
		}
	}
	if s := m.sessions[m.l.session]; s == nil || !s.destroyed.IsZero() || m.now.After(s.expires) {
		return fmt.Errorf("all is well, and there is no session: %+v", m.l)
	}
	return nil
}

func (m *lifeModel) upTo(d time.Duration) time.Duration { return time.Duration(m.r.Int64N(int64(d))) }

// step lets some time pass and one thing happen.
func (m *lifeModel) step() error {
	t := m.l.t
	switch m.r.IntN(40) {
	case 0:
		m.good = m.calm || !m.good || m.r.IntN(2) == 0
	case 1:
		if s := m.sessions[m.l.session]; s != nil && s.destroyed.IsZero() && m.r.IntN(4) == 0 && !m.good {
			s.destroyed = m.now
		}
	case 2:
		m.l.hurry(m.now)
	}
	next := m.wake
	if m.wake.IsZero() {
		next = m.now.Add(t.retryAfter)
	}
	first := -1
	for i, p := range m.way {
		if p.at.Before(next) {
			next, first = p.at, i
		}
	}
	if next.After(m.now) {
		m.now = next
	}
	if !m.good && m.r.IntN(20) == 0 { // the process is stopped for a while
		m.now = m.now.Add(m.upTo(2 * t.ttl))
	}
	if first >= 0 {
		p := m.way[first]
		m.way = append(m.way[:first], m.way[first+1:]...)
		m.arrive(p)
	}
	return m.tick()
}

func (m *lifeModel) tick() error {
	e, wake := m.l.tick(m.now)
	m.wake = wake
	if e.ended != "" {
		m.seen["lapsed"]++
	}
	if e.request != nil {
		m.post(parcel{req: *e.request, sent: m.now})
	} else if wake.IsZero() && m.l.asking == 0 || !wake.IsZero() && !wake.After(m.now) {
		return fmt.Errorf("it waits for nothing: %+v, wake %v", m.l, wake.Sub(m.now))
	}
	return m.check()
}

// post sends a request or an answer. What takes longer than Timeout is given up by the sender, and may arrive all the same.
func (m *lifeModel) post(p parcel) {
	d := m.upTo(m.l.t.timeout / 4)
	if !m.good {
		d = m.upTo(3 * m.l.t.timeout)
		if p.answer == nil && m.r.IntN(3) > 0 || p.answer != nil && m.r.IntN(2) > 0 {
			d = -1 // lost
		}
	}
	if p.answer == nil {
		m.way = append(m.way, parcel{at: p.sent.Add(m.l.t.timeout), sent: p.sent, answer: &answer{number: p.req.number, sent: p.sent}})
	}
	if d >= 0 {
		p.at = m.now.Add(d)
		m.way = append(m.way, p)
	}
}

func (m *lifeModel) arrive(p parcel) {
	if p.answer != nil {
		e := m.l.answered(m.now, *p.answer)
		switch {
		case e.began != "":
			m.seen["began"]++
		case e.renewed:
			m.seen["renewed"]++
		case p.answer.gone && e.ended != "":
			m.seen["gone"]++
		case e.ended != "":
			m.seen["late"]++
		case e.orphan != "":
			m.seen["orphan"]++
		}
		if p.answer.session != "" && !p.answer.gone && (e.began != "" || e.renewed) {
			m.sent[p.answer.session] = p.answer.sent
		}
		m.wake = m.now
		return
	}
	a := &answer{number: p.req.number, sent: p.sent, session: p.req.renew}
	if p.req.renew == "" {
		a.session = fmt.Sprint("s", len(m.sessions))
		m.sessions[a.session] = &modelSession{expires: m.now.Add(m.l.t.ttl)}
	} else if s := m.sessions[p.req.renew]; s == nil || !s.destroyed.IsZero() || !m.now.Before(s.expires) {
		a.gone = true
	} else {
		s.expires = m.now.Add(m.l.t.ttl)
	}
	m.post(parcel{req: p.req, sent: p.sent, answer: a})
}

// check holds life against the model. What is believed at this moment is believed only if the clock says so too.
func (m *lifeModel) check() error {
	l, t := &m.l, m.l.t
	if l.session == "" || !m.now.Before(l.until) {
		return nil
	}
	s := m.sessions[l.session]
	if limit := m.sent[l.session].Add(t.validFor); s == nil || l.until.After(limit) {
		return fmt.Errorf("session %q is believed in until %v after the last renewal was sent, at most %v", l.session,
			l.until.Sub(m.sent[l.session]), t.validFor)
	}
	free := s.expires
	if !s.destroyed.IsZero() {
		free = s.destroyed.Add(t.lockDelay)
	}
	if l.until.After(free) {
		return fmt.Errorf("session %q is believed in for %v after its names are free", l.session, l.until.Sub(free))
	}
	return nil
}

func TestLifeStepByStep(t *testing.T) {
	cfg := Config{}.withDefaults()
	start := time.Unix(1e9, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	l := life{t: cfg.timings(), due: start}
	e, wake := l.tick(at(0))
	if e.request == nil || e.request.renew != "" || !wake.IsZero() {
		t.Fatalf("%+v %v", e, wake)
	}
	if e = l.answered(at(500), answer{number: e.request.number, sent: at(0), session: "s"}); e.began != "s" || l.until != at(9000) {
		t.Fatalf("%+v %+v", e, l)
	}
	if e, wake = l.tick(at(501)); e != (effect{}) || wake != at(3000) {
		t.Fatalf("%+v %v", e, wake)
	}
	e, wake = l.tick(at(3000))
	if e.request == nil || e.request.renew != "s" || wake != at(9000) {
		t.Fatalf("%+v %v", e, wake)
	}
	stuck := *e.request
	if e, wake = l.tick(at(8999)); e != (effect{}) || wake != at(9000) {
		t.Fatalf("%+v %v", e, wake)
	}
	if e, _ = l.tick(at(9000)); e.ended != "s" || e.request == nil || e.request.renew != "" {
		t.Fatalf("%+v", e)
	}
	// Consul says later that it had renewed the session: nothing comes of it, but that it is destroyed once more.
	if e := l.answered(at(9001), answer{number: stuck.number, sent: at(3000), session: "s"}); e != (effect{orphan: "s"}) || l.session != "" {
		t.Fatalf("%+v %+v", e, l)
	}
	// A session that took too long to create is not begun.
	if e := l.answered(at(18000), answer{number: stuck.number + 1, sent: at(9000), session: "t"}); e != (effect{orphan: "t"}) || l.session != "" {
		t.Fatalf("%+v %+v", e, l)
	}
}
