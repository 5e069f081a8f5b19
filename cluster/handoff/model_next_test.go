package handoff

import (
	"fmt"
	"slices"
)

// step leads to a state that can follow. It is due if it comes by itself, and is no fault.
type step struct {
	to  *model
	due bool
}

func (m *model) next(v *variant) (all []step) {
	add := func(due bool, change func(c *model)) {
		c := m.clone()
		change(c)
		all = append(all, step{c, due})
	}
	for p := range nodes {
		m.local(v, p, add)
		for q := range nodes {
			m.between(v, p, q, add)
		}
	}
	if m.up[nO] && m.up[nN] && m.cut && m.apart[nO] && m.apart[nN] {
		add(true, func(c *model) {
			c.cut, c.apart = false, [nodes]bool{}
			c.do(v, nO, c.old.Step(t0, Linked{ids[nN]}))
			c.do(v, nN, c.neu.Step(t0, Linked{ids[nO]}))
		})
	}
	if m.left.cut > 0 && !m.cut && m.up[nO] && m.up[nN] {
		add(false, func(c *model) { c.cut, c.left.cut = true, c.left.cut-1 })
	}
	return all
}

// local is what node p can do by itself.
func (m *model) local(v *variant, p int, add func(bool, func(*model))) {
	if !m.up[p] {
		return
	}
	if p != nY && m.left.crashes > 0 {
		add(false, func(c *model) { c.up[p], c.left.crashes = false, c.left.crashes-1 })
	}
	for q := range nodes {
		if !m.up[q] && !m.down[p][q] {
			add(true, func(c *model) { c.learns(v, p, q) })
		}
		if b := m.bars[p][q]; b != nil && m.silent() && !b.NextTick().IsZero() && !v.neverAgain {
			add(true, func(c *model) { c.do(v, p, c.bars[p][q].Step(late, Tick{})) })
		}
	}
	if m.cut && p != nY && !m.apart[p] {
		add(true, func(c *model) { c.parts(v, p) })
	}
	switch p {
	case nO:
		m.localOld(v, add)
	case nN:
		m.localNew(v, add)
	}
}

func (m *model) localOld(v *variant, add func(bool, func(*model))) {
	switch {
	case m.old.phase == Running && m.moves > 0 && !m.down[nO][nN] && !m.cut && m.since[nO] == 0:
		add(false, func(c *model) {
			c.moves--
			c.do(v, nO, c.old.Step(t0, Move{To: ids[nN]}))
		})
	case m.old.phase >= Offered && m.old.phase <= Frozen:
		add(true, func(c *model) { c.do(v, nO, c.old.Step(late, Tick{})) })
	case m.old.phase == Committed:
		if v.resumes {
			add(false, func(c *model) {
				c.old.out = nil
				c.old.resume(t0, "too long")
				c.do(v, nO, c.old.out)
			})
		}
		if m.silent() && !v.neverAgain {
			add(m.up[nN], func(c *model) { c.do(v, nO, c.old.Step(late, Tick{})) })
		}
	}
}

func (m *model) localNew(v *variant, add func(bool, func(*model))) {
	if m.neu.stage == Restoring {
		for _, err := range []error{nil, errRestore} {
			add(true, func(c *model) { c.do(v, nN, c.neu.Step(t0, Restored{c.neu.attempt, 7, err})) })
		}
	}
	if !m.neu.NextTick().IsZero() && m.silent() && !v.neverAgain && m.up[nO] {
		add(true, func(c *model) { c.do(v, nN, c.neu.Step(late, Tick{})) })
	}
}

// silent reports whether nothing is on its way: only then is something said again, or there would be no end to it.
func (m *model) silent() bool {
	for p := range nodes {
		for q := range nodes {
			if m.arrives(p, q) && len(m.wires[p][q][0])+len(m.wires[p][q][1])+len(m.around[p][q]) > 0 {
				return false
			}
		}
	}
	return true
}

func (m *model) arrives(p, q int) bool { return m.up[q] && !m.down[q][p] }

// between is what can happen to what p sent to q.
func (m *model) between(v *variant, p, q int, add func(bool, func(*model))) {
	if !m.arrives(p, q) {
		return
	}
	for lane := range 2 {
		if len(m.wires[p][q][lane]) == 0 {
			continue
		}
		msg := m.wires[p][q][lane][0]
		add(true, func(c *model) {
			c.wires[p][q][lane] = slices.Delete(c.wires[p][q][lane], 0, 1)
			c.take(v, p, q, msg)
		})
		if m.left.omit > 0 {
			add(false, func(c *model) {
				c.left.omit--
				c.wires[p][q][lane] = slices.Delete(c.wires[p][q][lane], 0, 1)
			})
		}
		if m.left.repeat > 0 {
			add(false, func(c *model) { // now, and again later
				c.left.repeat--
				c.around[p][q] = append(c.around[p][q], msg)
			})
		}
	}
	if len(m.around[p][q]) > 0 {
		add(true, func(c *model) {
			msg := c.around[p][q][0]
			c.around[p][q] = slices.Delete(c.around[p][q], 0, 1)
			c.take(v, p, q, msg)
		})
	}
}

// parts tells p that its session with the other ended; what has not arrived by now is lost.
func (m *model) parts(v *variant, p int) {
	q := nO + nN - p
	m.apart[p] = true
	m.wires[q][p] = [2][]Msg{}
	if p == nO {
		m.do(v, p, m.old.Step(t0, Unlinked{ids[q]}))
	} else {
		m.do(v, p, m.neu.Step(t0, Unlinked{ids[q]}))
	}
}

// result is what was found among all states.
type result struct {
	states, two, none, stale, back int
	example                        string
}

func (r result) bad() int { return r.two + r.none + r.stale + r.back }

func (r *result) note(n *int, what string, m *model) {
	*n++
	if r.example == "" {
		r.example = fmt.Sprintf("%s: %+v", what, *m)
	}
}

func explore(v variant, f faults, most int) (r result) {
	start := newModel(f)
	index := map[string]int{start.key(): 0}
	all := []*model{start}
	before := [][]int{nil} // from which states a state comes by itself
	for i := 0; i < len(all) && i < most; i++ {
		m := all[i]
		if m.running() > 1 {
			r.note(&r.two, "two run", m)
		}
		if m.stale {
			r.note(&r.stale, "stale", m)
		}
		if m.back {
			r.note(&r.back, "an epoch does not grow", m)
		}
		if m.stale || m.back || m.running() > 1 {
			continue // what follows is no better
		}
		for _, s := range m.next(&v) {
			k := s.to.key()
			j, ok := index[k]
			if !ok {
				j = len(all)
				index[k] = j
				all, before = append(all, s.to), append(before, nil)
			}
			if s.due {
				before[j] = append(before[j], i)
			}
		}
	}
	r.states = len(all)
	r.lost(all, before)
	return r
}

// lost finds the states from which nothing that comes by itself leads to one in which the process runs: at rest with none,
// or going round for ever.
func (r *result) lost(all []*model, before [][]int) {
	good := make([]bool, len(all))
	var todo []int
	for i, m := range all {
		if m.running() > 0 || m.stale || m.back {
			good[i] = true
			todo = append(todo, i)
		}
	}
	for len(todo) > 0 {
		i := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, j := range before[i] {
			if !good[j] {
				good[j] = true
				todo = append(todo, j)
			}
		}
	}
	for i, m := range all {
		if !good[i] {
			r.note(&r.none, "none runs", m)
		}
	}
}
