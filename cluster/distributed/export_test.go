package distributed

// Wanted reports whether a child is meant to run, as far as this node knows.
func (d *Supervisor) Wanted(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch := d.core.children[id]
	return ch != nil && ch.spec != nil && !ch.spec.stopped
}
