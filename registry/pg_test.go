package registry_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/actor"
	"github.com/foundation-runtime/foundation/registry"
)

// joined starts a process that is a member of group.
func (x *node) joined(t testing.TB, group string) actor.PID {
	t.Helper()
	pid := x.process(t)
	if err := x.Join(within(t), group, pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// members waits until all nodes see n members.
func (l *lan) members(group string, n int) {
	l.t.Helper()
	until(l.t, fmt.Sprintf("%s has %d members everywhere", group, n), func() bool {
		for _, x := range l.nodes {
			if len(x.Members(group)) != n {
				return false
			}
		}
		return true
	})
}

// Cases of OTP's pg_SUITE, as far as they apply; the names are theirs.
func TestPG(t *testing.T) {
	for name, c := range map[string]struct {
		nodes int
		run   func(t *testing.T, l *lan)
	}{
		"leave_exit_race": {2, func(t *testing.T, l *lan) {
			a := l.nodes[0]
			for range 200 {
				pid := a.joined(t, "g")
				var wg sync.WaitGroup
				wg.Go(func() { a.sys.Exit(pid, actor.Kill) })
				wg.Go(func() {
					if err := a.Leave(within(t), "g", pid); err != nil && !errors.Is(err, registry.ErrNotFound) {
						t.Error(err)
					}
				})
				wg.Wait()
			}
			l.members("g", 0)
		}},
		"process_owner_check": {2, func(t *testing.T, l *lan) {
			pid := l.nodes[0].joined(t, "g")
			if err := l.nodes[1].Join(within(t), "g", pid); !errors.Is(err, registry.ErrNotLocal) {
				t.Error(err)
			}
			if err := l.nodes[1].Leave(within(t), "g", pid); !errors.Is(err, registry.ErrNotLocal) {
				t.Error(err)
			}
			l.members("g", 1)
		}},
		"empty_group_by_remote_leave": {2, func(t *testing.T, l *lan) {
			pid := l.nodes[1].joined(t, "g")
			l.members("g", 1)
			if err := l.nodes[1].Leave(within(t), "g", pid); err != nil {
				t.Error(err)
			}
			l.members("g", 0)
			if g := l.nodes[0].Groups(); len(g) != 0 {
				t.Error(g)
			}
		}},
		"thundering_herd": {2, func(t *testing.T, l *lan) {
			pid := l.nodes[0].process(t)
			const many = 10_000
			for range many {
				if err := l.nodes[0].Join(within(t), "g", pid); err != nil {
					t.Fatal(err)
				}
			}
			l.members("g", many)
			for range many - 1 {
				if err := l.nodes[0].Leave(within(t), "g", pid); err != nil {
					t.Fatal(err)
				}
			}
			l.members("g", 1)
		}},
		"initial": {1, func(t *testing.T, l *lan) {
			l.nodes[0].joined(t, "g")
			x := l.add(1)
			if err := x.Ready(within(t)); err != nil {
				t.Fatal(err)
			}
			if n := len(x.Members("g")); n != 1 {
				t.Error(n)
			}
		}},
		"netsplit": {2, func(t *testing.T, l *lan) { l.groupsAcross(t, hosts(0, 1)) }},
		"trisplit": {3, func(t *testing.T, l *lan) { l.groupsAcross(t, hosts(0, 1), hosts(1, 2)) }},
		"foursplit": {4, func(t *testing.T, l *lan) {
			l.groupsAcross(t, hosts(0, 1), hosts(1, 2), hosts(2, 3))
		}},
		"exchange": {3, func(t *testing.T, l *lan) {
			for i := range 300 {
				l.nodes[i%3].joined(t, fmt.Sprint("g", i%10))
			}
			for i := range 10 {
				l.members(fmt.Sprint("g", i), 30)
			}
		}},
		"nolocal": {2, func(t *testing.T, l *lan) {
			l.nodes[1].joined(t, "g")
			l.members("g", 1)
			if local := l.nodes[0].LocalMembers("g"); len(local) != 0 {
				t.Error(local)
			}
		}},
		"double": {2, func(t *testing.T, l *lan) {
			pid := l.nodes[0].joined(t, "g")
			if err := l.nodes[0].Join(within(t), "g", pid); err != nil {
				t.Error(err)
			}
			l.members("g", 2)
			l.nodes[0].sys.Exit(pid, actor.Kill)
			l.members("g", 0)
		}},
		"scope_restart": {2, func(t *testing.T, l *lan) {
			l.nodes[0].joined(t, "g")
			l.nodes[1].joined(t, "g")
			l.members("g", 2)
			if err := l.nodes[0].Registry.Close(within(t)); err != nil {
				t.Fatal(err)
			}
			until(t, "its members are gone", func() bool { return len(l.nodes[1].Members("g")) == 1 })
			l.nodes[0].Registry = l.open(0, l.nodes[0])
			l.members("g", 1)
		}},
		"missing_scope_join": {2, func(t *testing.T, l *lan) {
			if err := l.nodes[1].Registry.Close(within(t)); err != nil {
				t.Fatal(err)
			}
			l.nodes[0].joined(t, "g")
			<-time.After(time.Second)
			l.nodes[1].Registry = l.open(1, l.nodes[1])
			l.members("g", 1)
		}},
		"disconnected_start": {2, func(t *testing.T, l *lan) {
			l.split(1)
			for _, x := range l.nodes {
				x.joined(t, "g")
			}
			l.net.Heal()
			l.members("g", 2)
		}},
		"group_leave": {2, func(t *testing.T, l *lan) {
			l.nodes[0].joined(t, "g")
			l.nodes[1].joined(t, "g")
			l.members("g", 2)
			if err := l.nodes[1].node.Leave(within(t)); err != nil {
				t.Error(err)
			}
			until(t, "its member is gone", func() bool { return len(l.nodes[0].Members("g")) == 1 })
		}},
		"monitor": {2, func(t *testing.T, l *lan) {
			heard := make(chan registry.Change, 8)
			cancel := l.nodes[0].Watch("g", func(c registry.Change) { heard <- c })
			pid := l.nodes[1].joined(t, "g")
			if c := recv(t, heard, "the join"); !c.Group || c.New.String() != pid.String() {
				t.Error(c)
			}
			l.nodes[1].sys.Exit(pid, actor.Kill)
			if c := recv(t, heard, "the end"); !c.Group || c.Old.String() != pid.String() || !c.New.IsZero() {
				t.Error(c)
			}
			cancel()
			l.nodes[1].joined(t, "g")
			l.members("g", 1)
			if len(heard) > 0 {
				t.Error("told after cancel")
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.run(t, newLAN(t, c.nodes, nil)) })
		})
	}
}

// groupsAcross joins before, during and after a split into the given groups and the rest.
func (l *lan) groupsAcross(t *testing.T, sides ...[]string) {
	t.Helper()
	n := len(l.nodes)
	for _, x := range l.nodes {
		x.joined(t, "g")
	}
	l.members("g", n)
	rest := hosts(len(sides), n)
	l.net.Partition(append(sides, rest)...)
	until(t, "all are apart", func() bool {
		for _, x := range l.nodes {
			if len(x.node.Members()) != 1 || len(x.Members("g")) != 1 {
				return false
			}
		}
		return true
	})
	for _, x := range l.nodes {
		x.joined(t, "g")
		x.joined(t, "new")
	}
	l.net.Heal()
	l.members("g", 2*n)
	l.members("new", n)
	for _, x := range l.nodes {
		x.joined(t, "g")
	}
	l.members("g", 3*n)
}
