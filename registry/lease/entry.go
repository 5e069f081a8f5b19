package lease

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/foundation-runtime/foundation/actor"
)

const (
	// MaxNameBytes is the length of the longest name.
	MaxNameBytes = 256
	// MaxMetaBytes is the length of the longest metadata.
	MaxMetaBytes = 4 << 10
	// maxValueBytes bounds what is read of a value that others wrote.
	maxValueBytes = 16 << 10
)

// Entry is what Consul knows of a name.
type Entry struct {
	Name       string
	PID        actor.PID // of the holder; zero if it cannot be told
	Node       string    // of the holder
	Meta       string
	Activation string // different for each time a name was given
	Token      Token
	Session    string // of the holder's node, at Consul
}

// who is the holder, for people.
func (e Entry) who() string {
	if !e.PID.IsZero() {
		return e.PID.String()
	}
	if e.Node != "" {
		return fmt.Sprintf("a process of node %q (session %s)", e.Node, e.Session)
	}
	return "session " + e.Session + ", which wrote no value that this version knows"
}

// value is what an activation writes under its key. It is written once; that it is unlike all others is what makes Consul number
// each activation anew.
type value struct {
	Node       string `json:"node"`
	PID        string `json:"pid"`
	Activation string `json:"activation"`
	Meta       string `json:"meta,omitempty"`
}

func (v value) encode() ([]byte, error) { return json.Marshal(v) }

// decodeValue reads a value, whoever wrote it. What is too long or malformed is an error and never more.
func decodeValue(b []byte) (v value, err error) {
	if len(b) > maxValueBytes {
		return value{}, fmt.Errorf("%w: a value of %d bytes; %d are read", ErrLimit, len(b), maxValueBytes)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return value{}, fmt.Errorf("lease: a value is malformed: %w", err)
	}
	if v.Node == "" || v.Activation == "" || len(v.Meta) > MaxMetaBytes {
		return value{}, fmt.Errorf("%w: a value without node or activation, or with more than %d bytes of metadata", ErrLimit, MaxMetaBytes)
	}
	return v, nil
}

// pair is a key as Consul holds it.
type pair struct {
	key     string
	value   []byte
	session string
	index   uint64 // ModifyIndex
}

// entryOf makes an Entry of a pair. A value that is not understood leaves the fields empty that come from it.
func entryOf(sys *actor.System, name string, p pair) Entry {
	e := Entry{Name: name, Token: Token(p.index), Session: p.session}
	v, err := decodeValue(p.value)
	if err != nil {
		return e
	}
	e.Node, e.Meta, e.Activation = v.Node, v.Meta, v.Activation
	if pid, err := sys.ParsePID(v.PID); err == nil && pid.Address().Name == "" {
		e.PID = pid
	}
	return e
}

// checkName says what is wrong with a name.
func checkName(what, name string) error {
	if name == "" || len(name) > MaxNameBytes || !utf8.ValidString(name) {
		return fmt.Errorf("lease: %s(%.40q): %w: a name has 1 to %d bytes of UTF-8", what, name, ErrLimit, MaxNameBytes)
	}
	return nil
}

// plain reports whether b stands for itself in a key, everywhere.
func plain(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}

const hexDigits = "0123456789ABCDEF"

// escape makes a name part of a key: different names are different, and nothing in it means anything to a URL, Consul's list of keys
// or a path.
func escape(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return r > 127 || !plain(byte(r)) }) {
		return name
	}
	b := make([]byte, 0, 3*len(name))
	for i := range len(name) {
		if c := name[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '=', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

// unescape undoes escape; ok is false for what escape does not write.
func unescape(key string) (name string, ok bool) {
	if len(key) > 3*MaxNameBytes {
		return "", false
	}
	b := make([]byte, 0, len(key))
	for i := 0; i < len(key); i++ {
		switch c := key[i]; {
		case plain(c):
			b = append(b, c)
		case c == '=' && i+2 < len(key):
			var one [1]byte
			if _, err := hex.Decode(one[:], []byte(key[i+1:i+3])); err != nil {
				return "", false
			}
			b = append(b, one[0])
			i += 2
		default:
			return "", false
		}
	}
	name = string(b)
	return name, checkName("", name) == nil && escape(name) == key
}

// same reports whether p is what session wrote with text.
func (p *pair) same(session string, text []byte) bool {
	return p != nil && p.session == session && bytes.Equal(p.value, text)
}
