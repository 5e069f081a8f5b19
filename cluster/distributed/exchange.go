package distributed

import (
	"time"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// specsPerRecord times the greatest value would not fit; values of usual size do, and sendSpecs cuts what does not.
const specsPerRecord = 64

// sendSpecs sends registers, the tables they need before them. final ends an exchange.
func (c *core) sendSpecs(p *peer, parts []*crdt.Register[string, *spec], final bool, now time.Time) {
	if len(parts) == 0 {
		parts = []*crdt.Register[string, *spec]{{}}
	}
	for i, part := range parts {
		size := 0
		for _, w := range part.Writes() {
			if w.Deleted {
				continue
			}
			size += len(w.Value.args)
			c.sendTypes(p, w.Value.types, now)
		}
		last := final && i == len(parts)-1
		if size > chunkBytes && part.Len() > 1 {
			c.sendSpecs(p, part.Split(max(part.Len()/2, 1)), last, now)
			continue
		}
		c.post(p, &message{kind: recordSpecs, specs: part, final: last}, now)
	}
}

// sendTypes sends a table, unless it is there.
func (c *core) sendTypes(p *peer, h uint64, now time.Time) {
	if p.types[h] || c.tables[h] == nil {
		return
	}
	if p.types == nil {
		p.types = map[uint64]bool{}
	}
	p.types[h] = true
	c.post(p, &message{kind: recordTypes, names: c.tables[h]}, now)
}

func (c *core) specsCame(p *peer, m *message, now time.Time) {
	for id, w := range m.specs.Writes() {
		c.witness(w.Stamp, now)
		if c.specs.Merge(id, w) {
			c.specChanged(id)
		}
	}
	if m.final {
		p.specsIn = true
	}
}

// tellPast says what is known of activations of those who are gone: a member that joins cannot know.
func (c *core) tellPast(p *peer, now time.Time) {
	m := message{kind: recordPast}
	size := 0
	for id, ch := range c.children {
		if ch.last.epoch == 0 || ch.spec == nil || c.store.Lookup(key(id)) != nil {
			continue
		}
		m.past = append(m.past, past{id, ch.last.epoch, ch.last.note})
		if size += len(id) + 64 + len(ch.last.note.why); size > chunkBytes {
			c.post(p, &m, now)
			m.past, size = nil, 0
		}
	}
	if len(m.past) > 0 {
		c.post(p, &m, now)
	}
}

// stamp is a time later than all that was seen here, if the clocks agree that far.
func (c *core) stamp(now time.Time) (s crdt.Stamp) {
	if c.clock.Last().Time().Sub(now) > crdt.MaxSkew {
		c.clock = crdt.Clock{} // our own clock was set back; nobody is to wait until it is where it was
	}
	c.clock, s = c.clock.Tick(now)
	return s
}

// witness makes later stamps of ours greater than s.
func (c *core) witness(s crdt.Stamp, now time.Time) {
	if clock, err := c.clock.Merge(s, now); err == nil {
		c.clock = clock
	}
}
