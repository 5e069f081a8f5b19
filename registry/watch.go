package registry

import (
	"strings"
	"sync"

	"github.com/foundation-runtime/foundation/actor"
)

// Change is what [Registry.Watch] tells: of a name, that its holder is another now; of a group, that a process joined or left.
type Change struct {
	Group bool // else it is about a name
	Name  string
	Old   actor.PID // zero: there was none before
	New   actor.PID // zero: there is none now; the same as Old: Meta changed
	Meta  string
}

// watchers are told of changes, each by a goroutine of its own.
type watchers struct {
	resolving sync.Mutex // Config.Resolve is called once at a time

	watching sync.Mutex // protects the fields below
	list     []*watcher
	over     bool
}

type watcher struct {
	prefix string
	wake   chan struct{}

	mu    sync.Mutex // protects the fields below
	queue []Change
	over  bool
}

// Watch calls f with every change of names and groups that begin with prefix, from now on, in order, by a goroutine of its own.
// What f takes its time for waits without bound. After cancel f is not called any more, but may still be running.
func (r *Registry) Watch(prefix string, f func(Change)) (cancel func()) {
	w := &watcher{prefix: prefix, wake: make(chan struct{}, 1)}
	r.watching.Lock()
	if r.watchers.over || f == nil {
		r.watching.Unlock()
		return func() {}
	}
	r.list = append(r.list, w)
	r.wg.Go(func() { w.run(r, f) })
	r.watching.Unlock()
	return func() {
		r.watching.Lock()
		for i, x := range r.list {
			if x == w {
				r.list = append(r.list[:i:i], r.list[i+1:]...)
				break
			}
		}
		r.watching.Unlock()
		w.end()
	}
}

func (ws *watchers) tell(x Change) {
	ws.watching.Lock()
	list := ws.list
	ws.watching.Unlock()
	for _, w := range list {
		if !strings.HasPrefix(x.Name, w.prefix) {
			continue
		}
		w.mu.Lock()
		if !w.over {
			w.queue = append(w.queue, x)
		}
		w.mu.Unlock()
		w.nudge()
	}
}

func (ws *watchers) close() {
	ws.watching.Lock()
	list := ws.list
	ws.list, ws.over = nil, true
	ws.watching.Unlock()
	for _, w := range list {
		w.end()
	}
}

func (w *watcher) end() {
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
	w.nudge()
}

func (w *watcher) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watcher) run(r *Registry, f func(Change)) {
	for range w.wake {
		w.mu.Lock()
		queue := w.queue
		w.queue = nil
		over := w.over
		w.mu.Unlock()
		for _, x := range queue {
			if over {
				break
			}
			w.call(r, f, x)
			w.mu.Lock()
			over = w.over
			w.mu.Unlock()
		}
		if over {
			return
		}
	}
}

func (w *watcher) call(r *Registry, f func(Change), x Change) {
	defer func() {
		if v := recover(); v != nil {
			r.log.Error("registry: a watcher panicked", "panic", v, "name", x.Name)
		}
	}()
	f(x)
}
