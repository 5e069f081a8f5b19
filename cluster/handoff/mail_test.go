package handoff

import (
	"fmt"
	"slices"
	"testing"

	"github.com/foundation-runtime/foundation/cluster/nodeid"
)

// Messages 1 to mailCount of one sender node Y to a process that moves from O to N, in all interleavings: Y to O, O to N and
// Y to N keep order each, and none against the others. F stands for the Flush of Y, G for that of O.
const mailCount = 4

type mailVariant struct {
	noFlush    bool // who learns of the new process just sends there
	leaveTimer bool // the old node leaves when it likes
}

type mailModel struct {
	old        Old
	route      Route
	parking    Parking
	sent       int
	yo, on, yn string
	held       string
	runs       bool // N runs it
	parked     string
	handled    string
	left       bool // O is gone
	knows      bool // and N knows
	gaveUp     bool
}

func (m *mailModel) key() string {
	return fmt.Sprint(m.old.phase, m.old.epoch, m.old.awaited, m.old.flushes, m.old.waiting, m.route, m.parking, m.sent, m.yo, "|", m.on, "|",
		m.yn, "|", m.held, "|", m.runs, m.parked, "|", m.handled, m.left, m.knows, m.gaveUp)
}

func (m *mailModel) clone() *mailModel {
	c := *m
	c.old.flushes, c.old.waiting = slices.Clone(m.old.flushes), slices.Clone(m.old.waiting)
	c.parking.flushed = slices.Clone(m.parking.flushed)
	return &c
}

// tell steps the old node, and puts on the wire what it says to the new one on the lane of mail.
func (m *mailModel) tell(in Input) {
	for _, out := range m.old.Step(late, in) {
		switch out := out.(type) {
		case Send:
			if f, ok := out.Msg.(Flush); ok && f.From == ids[nY] {
				m.on += "F"
			} else if ok && f.From == ids[nO] {
				m.on += "G"
			}
		case Drain:
			m.tell(Drained{})
		case Snapshot:
			m.tell(Snapshotted{})
		case Forward:
			m.on += m.held
			m.held = ""
			m.tell(Await{Members: []nodeid.ID{ids[nO], ids[nN], ids[nY]}})
		}
	}
	m.old.retryAt = t0
}

func (m *mailModel) next(v mailVariant) (all []*mailModel) {
	when := func(can bool, do func(c *mailModel)) {
		if can {
			c := m.clone()
			do(c)
			all = append(all, c)
		}
	}
	when(m.sent < mailCount, func(c *mailModel) {
		c.sent++
		letter := string(rune('0' + c.sent))
		if c.route.To() == ids[nN] {
			c.yn += letter
		} else {
			c.yo += letter
		}
	})
	when(m.runs && m.route.To() == ids[nO], func(c *mailModel) {
		if flush := c.route.Learn(c.old.attempt.Epoch+1, ids[nN]); flush == ids[nO] && !v.noFlush {
			c.yo += "F"
		}
	})
	when(m.yo != "", func(c *mailModel) { c.atOld() })
	when(m.held != "" && m.old.Mail() == Handle, func(c *mailModel) {
		c.handled += c.held[:1]
		c.held = c.held[1:]
	})
	a := m.old.attempt
	when(m.old.phase == Running, func(c *mailModel) {
		c.tell(Move{To: ids[nN]})
		c.tell(Got{ids[nN], Accept{theID, c.old.attempt}})
	})
	when(m.old.phase == Frozen && !m.gaveUp, func(c *mailModel) {
		c.gaveUp = true
		c.tell(Unsettled{"the view changed"})
	})
	when(m.old.phase == Frozen, func(c *mailModel) { c.tell(Got{ids[nN], Ready{theID, a}}) })
	when(m.old.phase == Committed && !m.runs, func(c *mailModel) { // Activate is there; N flushes for its own
		c.runs = true
		if !v.noFlush {
			c.parking = Park(ids[nO])
		}
		c.tell(Got{ids[nN], Flush{From: ids[nN]}})
	})
	when(m.old.phase == Committed && m.runs, func(c *mailModel) { c.tell(Got{ids[nN], Active{theID, a, 7}}) })
	when(m.on != "" && m.runs, func(c *mailModel) { c.forwarded() })
	when(m.yn != "" && m.runs, func(c *mailModel) {
		if c.parking.Parks(ids[nY]) {
			c.parked += c.yn[:1]
		} else {
			c.handled += c.yn[:1]
		}
		c.yn = c.yn[1:]
	})
	when(!m.left && (m.old.phase == Ended || v.leaveTimer && m.old.phase == Forwarding), func(c *mailModel) { c.left = true })
	when(m.left && !m.knows && m.on == "", func(c *mailModel) {
		c.knows = true
		if c.parking.Down(ids[nO]) {
			c.release()
		}
	})
	return all
}

func (m *mailModel) release() {
	m.handled += m.parked
	m.parked = ""
}

func (m *mailModel) atOld() {
	x := m.yo[:1]
	m.yo = m.yo[1:]
	switch {
	case m.left && x != "F", x != "F" && m.old.Mail() == Dead:
		m.handled += "x" // a dead letter
	case m.left:
	case x == "F":
		m.tell(Got{ids[nY], Flush{From: ids[nY], IDs: []string{theID}}})
	case m.old.Mail() == Pass:
		m.on += x
	default:
		m.held += x
	}
}

func (m *mailModel) forwarded() {
	x := m.on[:1]
	m.on = m.on[1:]
	switch x {
	case "F":
		m.parking.Flush(ids[nY])
		m.release()
	case "G":
		if m.parking.Flush(ids[nO]) {
			m.release()
		}
	default:
		m.handled += x
	}
}

func exploreMail(v mailVariant) (states, wrong, whole int, example string) {
	start := &mailModel{old: *NewOld(ids[nO], theID, 1, DefaultTiming())}
	start.route.Learn(1, ids[nO])
	seen := map[string]bool{start.key(): true}
	todo := []*mailModel{start}
	const want = "1234"
	for len(todo) > 0 {
		m := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		all := m.next(v)
		if len(m.handled) > len(want) || m.handled != want[:len(m.handled)] || len(all) == 0 && m.handled != want {
			wrong++
			example = fmt.Sprintf("%q, %s", m.handled, m.key())
			continue
		}
		if len(all) == 0 && m.old.phase == Ended {
			whole++
		}
		for _, c := range all {
			if k := c.key(); !seen[k] {
				seen[k] = true
				todo = append(todo, c)
			}
		}
	}
	return len(seen), wrong, whole, example
}

// TestMailOrder: whenever the sender learns of the new process, and whatever overtakes what, all its messages are handled
// once and in order, and the old node can leave in the end.
func TestMailOrder(t *testing.T) {
	states, wrong, whole, example := exploreMail(mailVariant{})
	t.Logf("%d states, %d ends, %d wrong", states, whole, wrong)
	if wrong > 0 || whole == 0 {
		t.Errorf("handled %s", example)
	}
	for name, v := range map[string]mailVariant{"no flush marker": {noFlush: true}, "leaving on a timer": {leaveTimer: true}} {
		_, wrong, _, example := exploreMail(v)
		t.Logf("%s: %d wrong, e.g. handled %s", name, wrong, example)
		if wrong == 0 {
			t.Errorf("%s: nothing found", name)
		}
	}
}
