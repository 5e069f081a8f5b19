package distributed

import (
	"cmp"
	"maps"
	"slices"

	"github.com/foundation-runtime/foundation/cluster/placement"
)

// arrange makes the table of where children belong.
func (c *core) arrange() {
	var places []place
	if c.ready && !c.leaving {
		places = append(places, c.home)
	}
	for _, p := range c.peers {
		if p.up && p.open && p.ready && !p.leaving {
			places = append(places, p.place)
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(a.name, b.name) })
	places = slices.CompactFunc(places, func(a, b place) bool { return a.name == b.name })
	same := slices.EqualFunc(places, c.places, func(a, b place) bool {
		return a.name == b.name && a.weight == b.weight && a.zone == b.zone && maps.Equal(a.labels, b.labels)
	})
	if same {
		return
	}
	c.places = places
	c.allDirty()
	members := make([]placement.Member, 0, len(places))
	for _, p := range places {
		members = append(members, placement.Member{Name: p.name, Weight: p.weight})
	}
	c.table = new(placement.Table)
	if len(members) > 0 {
		if t, err := placement.New(c.layout, members); err == nil {
			c.table = t
		} else {
			c.warn("cluster/distributed: there is no table of children", "error", err)
		}
	}
}

// owner is the node where a child belongs, or "". Of those that may run it, it is the first in the order of the child's partition.
func (c *core) owner(id string, s *spec) string {
	switch s.strategy {
	case Local:
		for i := range c.places {
			if c.places[i].name == s.home && s.permits(&c.places[i]) {
				return s.home
			}
		}
		return ""
	case Replicated:
		for i := range c.places {
			if c.places[i].name == c.self.Name && s.permits(&c.places[i]) {
				return c.self.Name
			}
		}
		return ""
	case Partitioned:
		id = s.key
	}
	part := c.table.PartitionOf(id)
	if s.zone == "" && len(s.labels) == 0 {
		return c.table.OwnerOf(part)
	}
	for _, name := range c.table.AppendOwners(nil, part, len(c.places)) {
		i := slices.IndexFunc(c.places, func(p place) bool { return p.name == name })
		if s.permits(&c.places[i]) {
			return name
		}
	}
	return ""
}
