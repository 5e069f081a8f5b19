package lease

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

const (
	// waitTime is how long a question for all names waits for a change.
	waitTime = time.Minute
	// neededRights says what a token must allow.
	neededRights = "give a Token with session:write for the agent's node, and key:write and key:read for Prefix"
)

// consul is what is asked of Consul. Each method is one request, bounded by Timeout and ctx, but watch, which waits.
type consul struct {
	client *api.Client
	prefix string
	t      timings
}

// bounded is ctx with the Timeout of one request.
func (c *consul) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.t.timeout)
}

// create makes a session without health checks: the default ones would free the names when gossip takes the agent for failed.
func (c *consul) create(ctx context.Context, node string) (session string, err error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	session, _, err = c.client.Session().CreateNoChecks(&api.SessionEntry{
		Name: "foundation lease " + node, TTL: c.t.ttl.String(), LockDelay: c.t.lockDelay, Behavior: api.SessionBehaviorRelease,
	}, new(api.WriteOptions).WithContext(ctx))
	if err == nil && session == "" {
		err = errors.New("the answer holds no session")
	}
	return session, explain(err)
}

// renew gives a session another TTL. gone says that there is no such session.
func (c *consul) renew(ctx context.Context, session string) (gone bool, err error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	e, _, err := c.client.Session().Renew(session, new(api.WriteOptions).WithContext(ctx))
	if err == nil && e != nil && e.ID != session {
		err = fmt.Errorf("asked for session %s, the answer speaks of %s", session, e.ID)
	}
	return err == nil && e == nil, explain(err)
}

// destroy ends a session; one that does not exist is no error.
func (c *consul) destroy(ctx context.Context, session string) error {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	_, err := c.client.Session().Destroy(session, new(api.WriteOptions).WithContext(ctx))
	return explain(err)
}

// acquire writes text under the key of name and locks it with session; ok is false if that is not allowed now.
func (c *consul) acquire(ctx context.Context, name string, text []byte, session string) (ok bool, err error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	ok, _, err = c.client.KV().Acquire(&api.KVPair{Key: c.key(name), Value: text, Session: session}, new(api.WriteOptions).WithContext(ctx))
	return ok, explain(err)
}

// read is what Consul's leader holds, confirmed by a majority of the servers; nil is nothing.
func (c *consul) read(ctx context.Context, name string) (*pair, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	p, _, err := c.client.KV().Get(c.key(name), (&api.QueryOptions{RequireConsistent: true}).WithContext(ctx))
	if err != nil || p == nil {
		return nil, explain(err)
	}
	if p.Key != c.key(name) {
		return nil, fmt.Errorf("asked for key %q, the answer speaks of %.100q", c.key(name), p.Key)
	}
	return &pair{p.Key, p.Value, p.Session, p.ModifyIndex}, nil
}

// unlock frees a key that is still as it was read, and says whether it was. It is bound to the index: a request that arrives after
// its time, when its sender has given up on it, must not take the name from a later activation of the same session.
func (c *consul) unlock(ctx context.Context, p pair) (ok bool, err error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	ok, _, _, err = c.client.Txn().Txn(api.TxnOps{
		{KV: &api.KVTxnOp{Verb: api.KVCheckIndex, Key: p.key, Index: p.index}},
		{KV: &api.KVTxnOp{Verb: api.KVUnlock, Key: p.key, Value: p.value, Session: p.session}},
	}, new(api.QueryOptions).WithContext(ctx))
	return ok, explain(err)
}

// watch is all keys, at once if index is zero, or when something has changed since, or after waitTime.
func (c *consul) watch(ctx context.Context, index uint64) (pairs []pair, last uint64, err error) {
	// The agent adds up to a sixteenth to the time it waits.
	ctx, cancel := context.WithTimeout(ctx, waitTime+waitTime/16+10*time.Second)
	defer cancel()
	list, meta, err := c.client.KV().List(c.prefix, (&api.QueryOptions{WaitIndex: index, WaitTime: waitTime}).WithContext(ctx))
	if err != nil {
		return nil, 0, explain(err)
	}
	for _, p := range list {
		if p != nil {
			pairs = append(pairs, pair{p.Key, p.Value, p.Session, p.ModifyIndex})
		}
	}
	if meta.LastIndex < index {
		return pairs, 0, nil // Consul began anew
	}
	return pairs, meta.LastIndex, nil
}

func (c *consul) key(name string) string { return c.prefix + escape(name) }

// name is whose key this is, if it is one of ours.
func (c *consul) name(key string) (string, bool) {
	rest, ok := strings.CutPrefix(key, c.prefix)
	if !ok {
		return "", false
	}
	return unescape(rest)
}

// explain adds what to do about an error.
func explain(err error) error {
	if err == nil {
		return nil
	}
	status, ok := errors.AsType[api.StatusError](err)
	switch {
	case ok && (status.Code == 403 || status.Code == 401), strings.HasSuffix(err.Error(), "Unexpected response code: 403"):
		return fmt.Errorf("%w; %s", err, neededRights)
	case ok && strings.Contains(status.Body, "Invalid Session TTL"):
		return fmt.Errorf("%w; TTL is less than session_ttl_min of the servers: raise Config.TTL, or lower that", err)
	}
	return err
}
