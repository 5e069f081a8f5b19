package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/foundation-runtime/foundation/cluster"
)

// printer tells people, or programs, what happens.
type printer struct {
	w    io.Writer
	json bool
	now  func() time.Time

	mu  sync.Mutex // one line at a time; nobody waits for a printer who must not
	err error      // of the first line that could not be written
}

// event is a line of JSON.
type event struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"` // joined, left, or the kind of a member event: joining, up, suspect, unreachable, …
	Member  *member   `json:"member,omitempty"`
	Members []member  `json:"members,omitempty"` // of joined: all of them
	Other   string    `json:"other,omitempty"`   // of an alarm: whom it is about, too
	Links   []string  `json:"links,omitempty"`   // of an alarm: which do not work
}

// member is a member as JSON.
type member struct {
	Name        string            `json:"name"`
	Incarnation string            `json:"incarnation"` // in base 36, as in the text of a PID
	Addr        string            `json:"addr"`
	State       string            `json:"state"`
	Zone        string            `json:"zone,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Why         string            `json:"why,omitempty"` // of down
}

func memberOf(m cluster.Member) member {
	return member{m.Name, m.ID().Incarnation.String(), m.Addr, m.State.String(), m.Zone, m.Labels, m.Why}
}

// follow prints who is there, and from then on every change.
func (p *printer) follow(n *cluster.Node) {
	p.mu.Lock()
	defer p.mu.Unlock() // what happens meanwhile is printed afterwards
	n.Subscribe(p.member)
	self := memberOf(n.Self())
	e := event{Event: "joined", Member: &self}
	var others []string
	for _, m := range n.Members() {
		e.Members = append(e.Members, memberOf(m))
		if m.Name != self.Name {
			others = append(others, m.Name)
		}
	}
	text := fmt.Sprintf("%s joined at %s, alone so far", self.Name, self.Addr)
	if len(others) > 0 {
		text = fmt.Sprintf("%s joined at %s, with %s", self.Name, self.Addr, strings.Join(others, ", "))
	}
	p.print(e, text)
}

// member prints a change.
func (p *printer) member(c cluster.MemberEvent) {
	m := memberOf(c.Member)
	e := event{Event: c.Kind.String(), Member: &m}
	text := fmt.Sprintf("%s: %s (%s)", c.Kind, m.Name, m.Addr)
	if c.Kind == cluster.MemberDown {
		text += ": " + m.Why
	}
	if !c.Other.IsZero() {
		e.Other = c.Other.String()
		text += ", and " + e.Other
	}
	for _, l := range c.Links {
		e.Links = append(e.Links, fmt.Sprint(l))
		text += fmt.Sprintf(", %v", l)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.print(e, text)
}

// note is for people only.
func (p *printer) note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.json {
		p.print(event{}, text)
	}
}

// left prints the last line. Its error is that of any line.
func (p *printer) left(m cluster.Member) error {
	self := memberOf(m)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.print(event{Event: "left", Member: &self}, m.Name+" has left")
	return p.err
}

func (p *printer) print(e event, text string) {
	var err error
	e.Time = p.now()
	if p.json {
		err = json.NewEncoder(p.w).Encode(e)
	} else {
		_, err = fmt.Fprintf(p.w, "%s  %s\n", e.Time.Format("15:04:05.000"), text)
	}
	if p.err == nil && err != nil {
		p.err = fmt.Errorf("write what happens: %w", err)
	}
}
