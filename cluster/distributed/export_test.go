package distributed

import "fmt"

// Wanted reports whether a child is meant to run, as far as this node knows.
func (d *Supervisor) Wanted(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch := d.core.children[id]
	return ch != nil && ch.spec != nil && !ch.spec.stopped
}

// Busy describes what is still done here.
func (d *Supervisor) Busy() (list []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, ch := range d.core.children {
		if ch.phase != idle || ch.copyGuard != 0 || ch.old != nil {
			s := fmt.Sprintf("%s phase %d copy %d tries %d", id, ch.phase, ch.copyGuard, ch.tries)
			if ch.old != nil {
				s += fmt.Sprintf(" old %v to %v %+v", ch.old.Phase(), ch.old.To(), ch.old)
			}
			list = append(list, s)
		}
	}
	return list
}
