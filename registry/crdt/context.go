package crdt

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Dot names one write: the nth by its origin, counted from 1.
type Dot struct {
	Origin Origin
	Seq    uint64
}

func (d Dot) compare(other Dot) int {
	return cmp.Or(d.Origin.Compare(other.Origin), cmp.Compare(d.Seq, other.Seq))
}

func (d Dot) hash() uint64 {
	h := hashText(14695981039346656037, d.Origin.Node)
	return hashNumber(hashNumber(h, uint64(d.Origin.Incarnation)), d.Seq)
}

// span is the numbers lo to hi, both included, at least one.
type span struct{ lo, hi uint64 }

// Context is a set of dots: all writes that a state has seen, whether their values still live or not. It is kept as
// spans per origin. What was seen without holes takes one span, which is a version vector; what arrived out of order
// takes one more per hole, and melts into the first when the hole is filled.
//
// Invariants: spans ascend and do not touch; no origin has none. The zero value is the empty set.
type Context struct{ of map[Origin][]span }

// Has reports whether d is in the set.
func (c *Context) Has(d Dot) bool {
	spans := c.of[d.Origin]
	i := spanAt(spans, d.Seq)
	return i < len(spans) && spans[i].lo <= d.Seq
}

// spanAt is the first span that ends at n or behind it.
func spanAt(spans []span, n uint64) int {
	i, _ := slices.BinarySearchFunc(spans, n, func(s span, n uint64) int { return cmp.Compare(s.hi, n) })
	return i
}

// Add puts d into the set. There is no dot with number 0.
func (c *Context) Add(d Dot) {
	if d.Seq != 0 {
		c.addSpan(d.Origin, span{d.Seq, d.Seq})
	}
}

func (c *Context) addSpan(o Origin, s span) {
	if c.of == nil {
		c.of = map[Origin][]span{}
	}
	spans := c.of[o]
	// What overlaps or touches s becomes one with it; lo is at least 1.
	from := spanAt(spans, s.lo-1)
	to := from
	for ; to < len(spans) && (s.hi == math.MaxUint64 || spans[to].lo <= s.hi+1); to++ {
		s.lo, s.hi = min(s.lo, spans[to].lo), max(s.hi, spans[to].hi)
	}
	c.of[o] = slices.Replace(spans, from, to, s)
}

// Union adds all dots of other.
func (c *Context) Union(other *Context) {
	for o, spans := range other.of {
		for _, s := range spans {
			c.addSpan(o, s)
		}
	}
}

// without is c without the given dots, which ascend within each origin.
func (c *Context) without(dots map[Origin][]uint64) *Context {
	rest := &Context{of: make(map[Origin][]span, len(c.of))}
	for o, spans := range c.of {
		var kept []span
		cut := dots[o]
		for _, s := range spans {
			for len(cut) > 0 && cut[0] <= s.hi {
				if cut[0] > s.lo {
					kept = append(kept, span{s.lo, cut[0] - 1})
				}
				s.lo = cut[0] + 1
				cut = cut[1:]
			}
			if s.lo <= s.hi {
				kept = append(kept, s)
			}
		}
		if len(kept) > 0 {
			rest.of[o] = kept
		}
	}
	return rest
}

// last is the greatest number seen of o.
func (c *Context) last(o Origin) uint64 {
	if spans := c.of[o]; len(spans) > 0 {
		return spans[len(spans)-1].hi
	}
	return 0
}

// atMost reports whether the set has no more than n dots.
func (c *Context) atMost(n int) bool {
	left := uint64(n)
	for _, spans := range c.of {
		for _, s := range spans {
			if s.hi-s.lo >= left {
				return false
			}
			left -= s.hi - s.lo + 1
		}
	}
	return true
}

// dots calls yield for each dot.
func (c *Context) dots(yield func(Dot)) {
	for o, spans := range c.of {
		for _, s := range spans {
			for n := s.lo; ; n++ {
				yield(Dot{o, n})
				if n == s.hi {
					break
				}
			}
		}
	}
}

// Spans counts the spans: the size of the set in memory and on the wire, whatever the number of dots.
func (c *Context) Spans() int {
	n := 0
	for _, spans := range c.of {
		n += len(spans)
	}
	return n
}

// Clone is a copy that shares nothing.
func (c *Context) Clone() *Context {
	copied := &Context{of: make(map[Origin][]span, len(c.of))}
	for o, spans := range c.of {
		copied.of[o] = slices.Clone(spans)
	}
	return copied
}

// Equal reports whether both sets have the same dots.
func (c *Context) Equal(other *Context) bool {
	return maps.EqualFunc(c.of, other.of, slices.Equal[[]span])
}

func (c *Context) origins() []Origin {
	return slices.SortedFunc(maps.Keys(c.of), Origin.Compare)
}

func (c *Context) hash() (sum uint64) {
	for o, spans := range c.of {
		for _, s := range spans {
			sum += mix(Dot{o, s.lo}.hash() + mix(s.hi))
		}
	}
	return sum
}
