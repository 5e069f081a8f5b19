package distributed_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foundation-runtime/foundation/cluster/distributed"
)

// TestNodeCrash is Horde's best case: a node ends with its share of 200 children. All run elsewhere within 300 ms.
func TestNodeCrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		list := ids(200)
		l.nodes[0].start(t, list)
		lost := 0
		for _, id := range list {
			if l.world.nodeOf(id) == "n2" {
				lost++
			}
		}
		began := time.Now()
		l.crash(1)
		until(t, "all run again", func() bool { return l.world.exactly(1, list) })
		took := time.Since(began)
		t.Logf("%d children of a crashed node run elsewhere after %v", lost, took)
		if took > 300*time.Millisecond {
			t.Errorf("%v is too long", took)
		}
		for _, id := range list {
			if n := l.world.started(id); n > 2 {
				t.Errorf("%s was started %d times", id, n)
			}
		}
		<-time.After(5 * time.Second)
		if wrong := l.world.wrong(1, list); len(wrong) > 0 {
			t.Fatal(wrong)
		}
		l.net.Restart(host(1))
	})
}

// TestSplit is the test that Horde skips, and its issues #91 (two are left), #250 (none is left) and #186 (the loser is not started
// anywhere any more): 4 nodes, 1,000 children, a split in halves, both start all, and after the heal there is exactly one of each.
func TestSplit(t *testing.T) {
	for name, before := range map[string]bool{"started before": true, "started during": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { split(t, before) })
		})
	}
}

func split(t *testing.T, before bool) {
	l := newLAN(t, 4, nil)
	list := ids(1000)
	if before {
		l.nodes[0].start(t, list)
	}
	l.net.Partition([]string{host(0), host(1)}, []string{host(2), host(3)})
	until(t, "the halves are apart", func() bool {
		for _, x := range l.nodes {
			if len(x.node.Members()) != 2 {
				return false
			}
		}
		return true
	})
	if !before {
		l.nodes[0].start(t, list)
		l.nodes[2].start(t, list)
	}
	until(t, "both halves run all", func() bool { return l.world.exactly(2, list) })
	l.net.Heal()
	healed := time.Now()
	for {
		if l.world.exactly(1, list) && agree(l, list) {
			break
		}
		if time.Since(healed) > waitLimit {
			t.Fatal("not one of each after the heal:", l.world.wrong(1, list), l.nodes[0].Count(), l.nodes[3].Count())
		}
		<-time.After(10 * time.Millisecond)
	}
	took := time.Since(healed)
	t.Logf("exactly one of each of %d after %v", len(list), took)
	if took > 6*time.Second {
		t.Errorf("%v is too long", took)
	}
	<-time.After(10 * time.Second)
	if wrong := l.world.wrong(1, list); len(wrong) > 0 || !agree(l, list) {
		t.Fatal("it did not stay so:", wrong)
	}
	// #186: what lost is still looked after.
	l.crash(3)
	until(t, "all run without one node", func() bool { return l.world.exactly(1, list) })
	l.net.Restart(host(3))
}

// agree reports whether all nodes see the children where they are.
func agree(l *lan, list []string) bool {
	for _, x := range l.nodes {
		n := x.Count()
		if n.Specs != len(list) || n.Running != len(list) {
			return false
		}
	}
	for _, id := range list[:20] {
		at := l.world.nodeOf(id)
		for _, x := range l.nodes {
			if pid, ok := x.Whereis(id); !ok || pid.Node() != at {
				return false
			}
		}
	}
	return true
}

// TestDeletedStaysDeleted deletes children on one side of a split while the other side starts them again.
func TestDeletedStaysDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 4, nil)
		list := ids(60)
		l.nodes[0].start(t, list)
		l.net.Partition([]string{host(0), host(1)}, []string{host(2), host(3)})
		until(t, "both halves run all", func() bool { return l.world.exactly(2, list) })
		for _, id := range list[:30] {
			if err := l.nodes[0].Delete(within(t), id); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range list[20:40] { // and there they crash, and are started again
			pid, _ := l.nodes[3].Whereis(id)
			l.nodes[3].sys.Send(pid, "crash")
		}
		l.net.Heal()
		until(t, "what was deleted is gone, and there is one of the others", func() bool {
			return l.world.exactly(0, list[:30]) && l.world.exactly(1, list[30:]) && agree(l, list[30:])
		})
		<-time.After(10 * time.Second)
		if wrong := append(l.world.wrong(0, list[:30]), l.world.wrong(1, list[30:])...); len(wrong) > 0 {
			t.Fatal(wrong)
		}
	})
}

// TestJoinMovesNothing is passive redistribution: who joins, empty, starts what is new, and takes nothing away (Horde #116 lost all).
func TestJoinMovesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 2, nil)
		list := ids(300)
		l.nodes[0].start(t, list)
		where := map[string]string{}
		for _, id := range list {
			where[id] = l.world.nodeOf(id)
		}
		l.add(2)
		l.whole()
		if n := l.nodes[2].Count(); n.Running != 300 {
			t.Fatal(n)
		}
		var more []string
		for i := range 60 {
			more = append(more, fmt.Sprint("more", i))
		}
		l.nodes[2].start(t, more)
		there := 0
		for _, id := range more {
			if l.world.nodeOf(id) == "n3" {
				there++
			}
		}
		for _, id := range list {
			if l.world.nodeOf(id) != where[id] || l.world.started(id) != 1 {
				t.Fatal(id, "was moved")
			}
		}
		if there == 0 {
			t.Fatal("the new node has nothing")
		}
	})
}

// TestRestartedNode is a node that crashes and is back at once, under its name: what it ran runs once, somewhere.
func TestRestartedNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLAN(t, 3, nil)
		list := ids(120)
		l.nodes[0].start(t, list)
		before := map[string]distributed.ChildInfo{}
		for _, c := range l.nodes[0].Children() {
			before[c.ID] = c
		}
		l.crash(1)
		l.net.Restart(host(1))
		l.add(1)
		l.whole()
		until(t, "all run once", func() bool { return l.world.exactly(1, list) && agree(l, list) })
		for _, c := range l.nodes[0].Children() {
			if was := before[c.ID]; was.Node == "n2" && c.Epoch <= was.Epoch {
				t.Fatalf("%s: the epoch was %d and is %d", c.ID, was.Epoch, c.Epoch)
			}
		}
	})
}
