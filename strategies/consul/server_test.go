package consul_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// server speaks those endpoints of a Consul agent that the strategy uses.
type server struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex // protects the fields below
	token    string
	index    uint64
	services map[string]*service // by ID
	changed  chan struct{}
	status   int    // answer to all requests, if not 0
	body     string // answer to queries, if not empty
	hidden   bool   // the token may see no instance; only answers to questions that did not wait say so
	asked    []string
	renewed  int
}

type service struct {
	ID, Name, Address string
	Port              int
	Tags              []string
	Meta              map[string]string
	Check             struct{ CheckID, TTL, DeregisterCriticalServiceAfter string }
	passing           bool
	datacenter        string
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, token: "token", index: 1, services: map[string]*service{}, changed: make(chan struct{})}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// change runs f, moves the index and wakes the queries.
func (s *server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changeLocked(f)
}

func (s *server) changeLocked(f func()) {
	s.index++
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// put registers a node as another process would.
func (s *server) put(name, datacenter string, tags ...string) {
	s.change(func() {
		s.services[name] = &service{ID: name, Name: "foundation", Address: name, Port: 1, passing: true, datacenter: datacenter, Tags: tags}
	})
}

func (s *server) remove(id string) { s.change(func() { delete(s.services, id) }) }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	switch {
	case r.Header.Get("X-Consul-Token") != s.token:
		http.Error(w, "ACL not found", http.StatusForbidden)
	case s.status != 0:
		http.Error(w, "told to", s.status)
	case r.URL.Path == "/v1/agent/service/register":
		v := &service{}
		if err := json.NewDecoder(r.Body).Decode(v); err != nil {
			s.t.Error(err)
		}
		s.changeLocked(func() { s.services[v.ID] = v })
	case strings.HasPrefix(r.URL.Path, "/v1/agent/check/update/"):
		v := s.services[strings.TrimPrefix(last, "service:")]
		if v == nil || v.Check.CheckID != last {
			http.Error(w, "Unknown check ID "+last, http.StatusNotFound)
			return
		}
		s.renewed++
		if !v.passing {
			s.changeLocked(func() { v.passing = true })
		}
	case strings.HasPrefix(r.URL.Path, "/v1/agent/service/deregister/"):
		s.changeLocked(func() { delete(s.services, last) })
	case strings.HasPrefix(r.URL.Path, "/v1/health/service/"):
		s.query(w, r, last)
	default:
		http.NotFound(w, r)
	}
}

// query is called with the lock held.
func (s *server) query(w http.ResponseWriter, r *http.Request, name string) {
	q := r.URL.Query()
	s.asked = append(s.asked, q.Get("index"))
	if _, err := time.ParseDuration(q.Get("wait")); err != nil || !q.Has("passing") {
		http.Error(w, "wrong query", http.StatusBadRequest)
		return
	}
	index, _ := strconv.ParseUint(q.Get("index"), 10, 64)
	for index == s.index && s.status == 0 {
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
		}
		s.mu.Lock()
		if r.Context().Err() != nil {
			return
		}
	}
	if s.status != 0 {
		http.Error(w, "told to", s.status)
		return
	}
	w.Header().Set("X-Consul-Index", strconv.FormatUint(s.index, 10))
	w.Header().Set("X-Consul-LastContact", "0") // without it the client reads no other
	if s.hidden && index == 0 {
		w.Header().Set("X-Consul-Results-Filtered-By-ACLs", "true")
	}
	if s.body != "" {
		fmt.Fprint(w, s.body)
		return
	}
	list := []any{}
	for _, v := range s.services {
		tagged := !slices.ContainsFunc(q["tag"], func(t string) bool { return !slices.Contains(v.Tags, t) })
		if !s.hidden && v.Name == name && v.passing && v.datacenter == q.Get("dc") && tagged {
			list = append(list, map[string]any{"Node": map[string]any{"Node": "n", "Address": "10.9.9.9"}, "Service": v})
		}
	}
	json.NewEncoder(w).Encode(list)
}
