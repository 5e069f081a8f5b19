package lease_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fake speaks those endpoints of a Consul agent that leases use, with Consul's rules: an unrenewed session ends after expiry times its
// TTL, the keys of a session that ends are locked for nobody during its lock delay, a write of an equal value leaves the index.
type fake struct {
	mu       sync.Mutex // protects the fields below
	index    uint64
	expiry   float64
	minTTL   time.Duration
	sessions map[string]*fakeSession
	keys     map[string]*fakeKey
	delayed  map[string]time.Time
	changed  chan struct{}
	log      []string // method and path of all requests but watches
	status   int      // answer to all requests, if not 0
	token    string   // that is needed, if not empty
	badBody  string   // answer to all requests, if not empty
}

type fakeSession struct {
	id, node, behavior string
	ttl, lockDelay     time.Duration
	renewed            time.Time
	timer              *time.Timer
	checks             bool
}

type fakeKey struct {
	Key                                 string
	CreateIndex, ModifyIndex, LockIndex uint64
	Flags                               uint64
	Value                               string
	Session                             string `json:",omitempty"`
}

func newFake() *fake {
	return &fake{index: 10, expiry: 2, minTTL: 10 * time.Second, sessions: map[string]*fakeSession{}, keys: map[string]*fakeKey{},
		delayed: map[string]time.Time{}, changed: make(chan struct{})}
}

// do runs f under the lock and wakes the watches.
func (f *fake) do(g func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	g()
	f.wakeLocked()
}

func (f *fake) wakeLocked() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// key is a copy of what is under a key.
func (f *fake) key(name string) (k fakeKey) {
	f.do(func() {
		if p := f.keys["foundation/lease/"+name]; p != nil {
			k = *p
		}
	})
	return k
}

// requests counts those that contain text.
func (f *fake) requests(text string) (n int) {
	f.do(func() {
		for _, l := range f.log {
			if strings.Contains(l, text) {
				n++
			}
		}
	})
	return n
}

// destroy ends a session, as by hand.
func (f *fake) destroy(id string) { f.do(func() { f.endLocked(id) }) }

func (f *fake) endLocked(id string) {
	s := f.sessions[id]
	if s == nil {
		return
	}
	s.timer.Stop()
	delete(f.sessions, id)
	f.index++
	for _, k := range f.keys {
		if k.Session == id {
			k.Session, k.ModifyIndex = "", f.index
			f.delayed[k.Key] = time.Now().Add(s.lockDelay)
		}
	}
	f.wakeLocked()
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path, q := strings.TrimPrefix(r.URL.Path, "/v1/"), r.URL.Query()
	if !q.Has("recurse") {
		f.log = append(f.log, r.Method+" "+r.URL.String())
	}
	body, _ := io.ReadAll(r.Body)
	last := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case f.token != "" && r.Header.Get("X-Consul-Token") != f.token:
		http.Error(w, "Permission denied", http.StatusForbidden)
	case f.status != 0:
		http.Error(w, "told to", f.status)
	case f.badBody != "":
		fmt.Fprint(w, f.badBody)
	case path == "session/create":
		f.create(w, body)
	case strings.HasPrefix(path, "session/renew/"):
		f.renew(w, last)
	case strings.HasPrefix(path, "session/destroy/"):
		f.endLocked(last)
		fmt.Fprint(w, "true")
	case path == "txn":
		f.txn(w, body)
	case strings.HasPrefix(path, "kv/") && r.Method == "PUT" && q.Has("acquire"):
		f.acquire(w, strings.TrimPrefix(path, "kv/"), body, q.Get("acquire"))
	case strings.HasPrefix(path, "kv/") && r.Method == "GET" && q.Has("recurse"):
		f.list(w, r, strings.TrimPrefix(path, "kv/"))
	case strings.HasPrefix(path, "kv/") && r.Method == "GET" && q.Has("consistent"):
		if k := f.keys[strings.TrimPrefix(path, "kv/")]; k != nil {
			f.answer(w, []*fakeKey{k})
		} else {
			http.NotFound(w, r)
		}
	default:
		http.Error(w, "not in the fake: "+r.URL.String(), http.StatusMethodNotAllowed)
	}
}

func (f *fake) answer(w http.ResponseWriter, v any) {
	w.Header().Set("X-Consul-Index", strconv.FormatUint(f.index, 10))
	json.NewEncoder(w).Encode(v)
}

func (f *fake) create(w http.ResponseWriter, body []byte) {
	var v struct {
		Name, TTL, LockDelay, Behavior string
		NodeChecks                     []string
	}
	if err := json.Unmarshal(body, &v); err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	ttl, _ := time.ParseDuration(v.TTL)
	delay, err := time.ParseDuration(v.LockDelay)
	if err != nil || ttl < f.minTTL {
		http.Error(w, fmt.Sprintf("Invalid Session TTL '%d', must be between [%v=24h0m0s]", ttl, f.minTTL), 400)
		return
	}
	f.index++
	s := &fakeSession{id: fmt.Sprintf("session-%d", f.index), node: v.Name, behavior: v.Behavior, ttl: ttl, lockDelay: delay, renewed: time.Now(),
		checks: v.NodeChecks == nil || len(v.NodeChecks) > 0}
	f.sessions[s.id] = s
	s.timer = time.AfterFunc(time.Duration(float64(ttl)*f.expiry), func() { f.destroy(s.id) })
	f.answer(w, map[string]string{"ID": s.id})
}

func (f *fake) renew(w http.ResponseWriter, id string) {
	s := f.sessions[id]
	if s == nil {
		http.Error(w, "Session id '"+id+"' not found", http.StatusNotFound)
		return
	}
	s.renewed = time.Now()
	s.timer.Reset(time.Duration(float64(s.ttl) * f.expiry))
	f.answer(w, []map[string]any{{"ID": id, "TTL": s.ttl.String()}})
}

func (f *fake) acquire(w http.ResponseWriter, key string, body []byte, session string) {
	if f.sessions[session] == nil {
		http.Error(w, "invalid session "+strconv.Quote(session), 500)
		return
	}
	k := f.keys[key]
	if k != nil && k.Session != "" && k.Session != session || f.delayed[key].After(time.Now()) {
		fmt.Fprint(w, "false")
		return
	}
	value := base64.StdEncoding.EncodeToString(body)
	if k != nil && k.Session == session && k.Value == value {
		fmt.Fprint(w, "true") // nothing changes, and no index
		return
	}
	f.index++
	if k == nil {
		k = &fakeKey{Key: key, CreateIndex: f.index}
		f.keys[key] = k
	}
	if k.Session != session {
		k.LockIndex++
	}
	k.Session, k.Value, k.ModifyIndex = session, value, f.index
	f.wakeLocked()
	fmt.Fprint(w, "true")
}

// txn knows the one transaction that leases use: an unlock that is bound to an index.
func (f *fake) txn(w http.ResponseWriter, body []byte) {
	var ops []struct {
		KV struct {
			Verb, Key, Session string
			Value              []byte
			Index              uint64
		}
	}
	if err := json.Unmarshal(body, &ops); err != nil || len(ops) != 2 || ops[0].KV.Verb != "check-index" || ops[1].KV.Verb != "unlock" {
		http.Error(w, fmt.Sprintf("not in the fake: %s: %v", body, err), 400)
		return
	}
	k := f.keys[ops[1].KV.Key]
	if k == nil || k.ModifyIndex != ops[0].KV.Index || k.Session == "" || k.Session != ops[1].KV.Session {
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"Results":null,"Errors":[{"OpIndex":0,"What":"stale"}]}`)
		return
	}
	f.index++
	k.Session, k.Value, k.ModifyIndex = "", base64.StdEncoding.EncodeToString(ops[1].KV.Value), f.index
	f.wakeLocked()
	fmt.Fprint(w, `{"Results":[],"Errors":null}`)
}

func (f *fake) list(w http.ResponseWriter, r *http.Request, prefix string) {
	index, _ := strconv.ParseUint(r.URL.Query().Get("index"), 10, 64)
	for index == f.index && f.status == 0 {
		changed := f.changed
		f.mu.Unlock()
		select {
		case <-changed:
		case <-r.Context().Done():
		}
		f.mu.Lock()
		if r.Context().Err() != nil {
			return
		}
	}
	if f.status != 0 {
		http.Error(w, "told to", f.status)
		return
	}
	var list []*fakeKey
	for _, k := range f.keys {
		if strings.HasPrefix(k.Key, prefix) {
			list = append(list, k)
		}
	}
	if list == nil {
		w.Header().Set("X-Consul-Index", strconv.FormatUint(f.index, 10))
		http.NotFound(w, r)
		return
	}
	f.answer(w, list)
}

// path is the way from one node to the fake: an http.RoundTripper without a network, so that time may be virtual.
type path struct {
	f *fake

	mu      sync.Mutex // protects the fields below
	cut     bool       // requests do not arrive
	deaf    bool       // requests arrive, answers do not
	match   string     // only for requests that contain it
	changed chan struct{}
	held    []func() // requests that wait in the network, to be let go
	hold    string   // requests that contain it are kept in the network; nobody hears of them
}

func (f *fake) path() *path { return &path{f: f, changed: make(chan struct{})} }

func (p *path) set(g func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g()
	close(p.changed)
	p.changed = make(chan struct{})
}

// Cut and the like are what happens to a network.
func (p *path) Cut()              { p.set(func() { p.cut, p.match = true, "" }) }
func (p *path) Deaf(match string) { p.set(func() { p.deaf, p.match = true, match }) }
func (p *path) Heal()             { p.set(func() { p.cut, p.deaf, p.hold = false, false, "" }) }
func (p *path) Keep(match string) { p.set(func() { p.hold = match }) }
func (p *path) LetGo() (count int) {
	p.mu.Lock()
	held := p.held
	p.held, p.hold = nil, ""
	p.mu.Unlock()
	for _, g := range held {
		g()
	}
	return len(held)
}

func (p *path) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	text := r.Method + " " + r.URL.String()
	body := ""
	if r.Body != nil {
		b, _ := io.ReadAll(r.Body)
		r.Body.Close()
		body = string(b)
	}
	serve := func(ctx context.Context) *http.Response {
		w := httptest.NewRecorder()
		in := r.Clone(ctx)
		in.Body = io.NopCloser(strings.NewReader(body))
		p.f.ServeHTTP(w, in)
		return w.Result()
	}
	p.mu.Lock()
	keep := p.hold != "" && strings.Contains(text, p.hold)
	if keep {
		p.held = append(p.held, func() { serve(context.Background()) })
	}
	cut, deaf := p.cut, p.deaf && strings.Contains(text, p.match)
	p.mu.Unlock()
	if keep || cut {
		return p.wait(r)
	}
	resp := serve(r.Context())
	p.mu.Lock()
	cut = p.cut // a watch that was answered in a cut
	p.mu.Unlock()
	if deaf || cut {
		return p.wait(r)
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return resp, nil
}

func (p *path) wait(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, errors.Join(errors.New("no answer"), r.Context().Err())
}
