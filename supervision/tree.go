package supervision

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foundation-runtime/foundation/actor"
)

// Node is a supervisor or a child in a supervision tree, as it was when the tree was read.
type Node struct {
	ID         string
	Name       string // registered name; "" if none
	PID        actor.PID
	Kind       string // worker, supervisor, dynamic or partitioned
	Strategy   Strategy
	Restart    Restart
	Restarting bool
	Restarts   int
	LastExit   error
	Uptime     time.Duration // zero if it does not run
	Children   []Node
}

// Forest is the supervision trees of a System. It is plain data.
type Forest []Node

// Tree describes the supervision trees of a System: every supervisor that is no child of another one, with all below.
// It reads what the supervisors know and waits for none of them; a tree that changes meanwhile may show a child before
// and its sibling after the change.
func Tree(sys *actor.System) Forest {
	if sys == nil {
		return nil
	}
	dir := directoryOf(sys)
	views := dir.all()
	nested := make(map[actor.PID]bool)
	byPID := make(map[actor.PID]*view)
	for _, v := range views {
		byPID[v.pid] = v
	}
	kids := make(map[actor.PID][]ChildInfo)
	for _, v := range views {
		kids[v.pid] = v.children()
		for _, c := range kids[v.pid] {
			if c.Supervisor && byPID[c.PID] != nil {
				nested[c.PID] = true
			}
		}
	}
	now := time.Now()
	var forest Forest
	for _, v := range views {
		if !nested[v.pid] {
			top := ChildInfo{PID: v.pid, Supervisor: true, Since: v.epoch}
			forest = append(forest, grow(sys, top, now, byPID, kids, 0))
		}
	}
	slices.SortFunc(forest, func(a, b Node) int { return cmp.Compare(a.PID.String(), b.PID.String()) })
	return forest
}

func grow(sys *actor.System, c ChildInfo, now time.Time, views map[actor.PID]*view, kids map[actor.PID][]ChildInfo, depth int) Node {
	n := Node{ID: c.ID, PID: c.PID, Kind: "worker", Restart: c.Restart, Restarting: c.Restarting, Restarts: c.Restarts, LastExit: c.LastExit}
	if !c.PID.IsZero() {
		n.Uptime = now.Sub(c.Since)
		if info, ok := sys.Info(c.PID); ok {
			n.Name = info.Name
		}
	}
	if c.Supervisor {
		n.Kind = "supervisor"
	}
	v := views[c.PID]
	if v == nil || depth > maxDepth {
		return n
	}
	n.Kind = [...]string{"supervisor", "dynamic", "partitioned"}[v.kind]
	n.Strategy = v.m.conf.strategy
	for _, k := range kids[c.PID] {
		n.Children = append(n.Children, grow(sys, k, now, views, kids, depth+1))
	}
	return n
}

// Walk calls f for every node, parents first, with its depth, until f returns false.
func (f Forest) Walk(visit func(n *Node, depth int) bool) {
	var walk func(nodes []Node, depth int) bool
	walk = func(nodes []Node, depth int) bool {
		for i := range nodes {
			if !visit(&nodes[i], depth) || !walk(nodes[i].Children, depth+1) {
				return false
			}
		}
		return true
	}
	walk(f, 0)
}

// String draws the trees as text, a line per node.
func (f Forest) String() string {
	var b strings.Builder
	for i := range f {
		b.WriteString(f[i].line() + "\n")
		draw(&b, f[i].Children, "")
	}
	return b.String()
}

func draw(b *strings.Builder, nodes []Node, indent string) {
	for i := range nodes {
		branch, below := "├─ ", "│  "
		if i == len(nodes)-1 {
			branch, below = "└─ ", "   "
		}
		b.WriteString(indent + branch + nodes[i].line() + "\n")
		draw(b, nodes[i].Children, indent+below)
	}
}

func (n *Node) label() string {
	switch {
	case n.ID != "":
		return n.ID
	case n.Name != "":
		return n.Name
	}
	return n.Kind
}

func (n *Node) line() string {
	parts := []string{n.label()}
	if n.Name != "" && n.Name != n.label() {
		parts = append(parts, fmt.Sprintf("%q", n.Name))
	}
	switch {
	case n.Restarting:
		parts = append(parts, "restarting")
	case n.PID.IsZero():
		parts = append(parts, "idle")
	default:
		parts = append(parts, n.PID.String(), "up "+n.Uptime.Round(time.Millisecond).String())
	}
	if n.Kind == "supervisor" {
		parts = append(parts, n.Strategy.String())
	} else if n.Kind != "worker" {
		parts = append(parts, n.Kind)
	}
	if n.Restarts > 0 {
		parts = append(parts, fmt.Sprintf("%d restarts", n.Restarts))
	}
	if n.LastExit != nil {
		parts = append(parts, fmt.Sprintf("last: %.80s", strings.ReplaceAll(n.LastExit.Error(), "\n", " ")))
	}
	return strings.Join(parts, "  ")
}

// DOT gives the trees as a Graphviz graph: dot -Tsvg draws it. Supervisors are boxes; what restarts or does not run is
// red or grey.
func (f Forest) DOT() string {
	var b strings.Builder
	b.WriteString("digraph supervision {\n\trankdir=LR;\n\tnode [fontname=\"sans-serif\"];\n")
	id := 0
	var emit func(nodes []Node, parent int)
	emit = func(nodes []Node, parent int) {
		for i := range nodes {
			n := &nodes[i]
			id++
			me := id
			shape, color := "box", "black"
			if n.Kind == "worker" {
				shape = "ellipse"
			}
			if n.Restarting {
				color = "red"
			} else if n.PID.IsZero() {
				color = "grey"
			}
			text := n.label()
			if !n.PID.IsZero() {
				text += "\n" + n.PID.String()
			}
			if n.Restarts > 0 {
				text += fmt.Sprintf("\n%d restarts", n.Restarts)
			}
			fmt.Fprintf(&b, "\tn%d [label=%q, shape=%s, color=%s];\n", me, text, shape, color)
			if parent > 0 {
				fmt.Fprintf(&b, "\tn%d -> n%d;\n", parent, me)
			}
			emit(n.Children, me)
		}
	}
	emit(f, 0)
	b.WriteString("}\n")
	return b.String()
}
