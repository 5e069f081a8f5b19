package kubernetes_test

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// server speaks the list and watch protocol of the API server for slices.
type server struct {
	*httptest.Server
	t   *testing.T
	dir string // of the service account

	mu       sync.Mutex // protects the fields below
	space    string     // the namespace that the slices are in
	token    string
	version  int
	slices   map[string]map[string]any
	events   []string // events[i] leads to version i+1
	oldest   int      // versions before are forgotten
	changed  chan struct{}
	ended    chan struct{} // closed to end all watches
	status   int           // answer to all that is asked, if not 0
	body     string        // the answer to a list, if not empty
	pageSize int
	requests []string
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), space: "prod", token: "first", slices: map[string]map[string]any{}, pageSize: 100,
		version: 1, events: []string{""},
		changed: make(chan struct{}), ended: make(chan struct{})}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	s.write("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})))
	s.write("token", "first\n")
	s.write("namespace", "prod")
	return s
}

func (s *server) write(name, text string) {
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// change runs f and wakes the watches.
func (s *server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	close(s.changed)
	s.changed = make(chan struct{})
}

// end ends all watches, as the server does now and then.
func (s *server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.ended)
	s.ended = make(chan struct{})
}

// put writes a slice with endpoints given as JSON; remove takes it away; say sends any event.
func (s *server) put(name, endpoints string) {
	s.change(func() {
		kind := "MODIFIED"
		if s.slices[name] == nil {
			kind = "ADDED"
		}
		var list []any
		if err := json.Unmarshal([]byte("["+endpoints+"]"), &list); err != nil {
			s.t.Error(err)
		}
		s.slices[name] = map[string]any{"endpoints": list, "ports": []any{
			map[string]any{"name": "http", "port": 80}, map[string]any{"name": "cluster", "port": 7946}}}
		s.log(kind, name)
	})
}

func (s *server) remove(name string) {
	s.change(func() {
		s.log("DELETED", name)
		delete(s.slices, name)
	})
}

func (s *server) say(event string) {
	s.change(func() { s.version++; s.events = append(s.events, event) })
}

func (s *server) log(kind, name string) {
	s.version++
	s.slices[name]["metadata"] = map[string]any{"name": name, "resourceVersion": strconv.Itoa(s.version)}
	text, err := json.Marshal(map[string]any{"type": kind, "object": s.slices[name]})
	if err != nil {
		s.t.Error(err)
	}
	s.events = append(s.events, string(text))
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	kind := "list"
	if q.Get("watch") != "" {
		kind = "watch " + q.Get("resourceVersion")
	}
	s.requests = append(s.requests, kind+" "+q.Get("continue"))
	switch {
	case r.Header.Get("Authorization") != "Bearer "+s.token:
		w.WriteHeader(http.StatusUnauthorized)
	case s.status != 0:
		w.WriteHeader(s.status)
		fmt.Fprint(w, "told to")
	case r.URL.Path != "/apis/discovery.k8s.io/v1/namespaces/"+s.space+"/endpointslices" ||
		q.Get("labelSelector") != "kubernetes.io/service-name=nodes":
		w.WriteHeader(http.StatusNotFound)
	case q.Get("watch") == "1" && q.Get("allowWatchBookmarks") == "true" && q.Get("timeoutSeconds") == "120":
		s.watch(w, r, q.Get("resourceVersion"))
	case s.body != "":
		fmt.Fprint(w, s.body)
	default:
		s.list(w, q.Get("continue"))
	}
}

func (s *server) list(w http.ResponseWriter, next string) {
	var names []string
	for name := range s.slices {
		names = append(names, name)
	}
	start, _ := strconv.Atoi(next)
	items := []any{}
	metadata := map[string]any{"resourceVersion": strconv.Itoa(s.version)}
	for i, name := range sorted(names) {
		if i >= start && i < start+s.pageSize {
			items = append(items, s.slices[name])
		}
		if i == start+s.pageSize {
			metadata["continue"] = strconv.Itoa(i)
		}
	}
	json.NewEncoder(w).Encode(map[string]any{"kind": "EndpointSliceList", "metadata": metadata, "items": items})
}

// watch is called with the lock held.
func (s *server) watch(w http.ResponseWriter, r *http.Request, from string) {
	at, err := strconv.Atoi(from)
	if err != nil || at < s.oldest {
		w.WriteHeader(http.StatusGone)
		return
	}
	ended := s.ended
	for {
		for ; at < len(s.events); at++ {
			fmt.Fprintln(w, s.events[at])
			if !strings.HasSuffix(s.events[at], "}") {
				return // cut off in the middle
			}
		}
		w.(http.Flusher).Flush()
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ended:
		case <-r.Context().Done():
		}
		s.mu.Lock()
		if ended != s.ended || r.Context().Err() != nil {
			return
		}
	}
}
