package pubsub

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/foundation-runtime/foundation/registry/crdt"
)

// MaxTopic is how long a topic or pattern can be, in bytes.
const MaxTopic = crdt.MaxNameBytes

// ErrTopic is wrapped by the error for a topic or pattern that is empty, too long or malformed; the error says what is wrong.
var ErrTopic = errors.New("pubsub: bad topic")

const (
	one  = "*" // one token
	rest = ">" // one token or more, at the end
)

// CheckTopic says what is wrong with a topic: what can be published to.
func CheckTopic(topic string) error {
	_, err := check(topic, false)
	return err
}

// CheckPattern says what is wrong with a pattern: what can be subscribed to. Every topic is a pattern, too.
func CheckPattern(pattern string) error {
	_, err := check(pattern, true)
	return err
}

// check reports whether a pattern that is in order has wildcards.
func check(topic string, pattern bool) (wild bool, err error) {
	bad := func(why string) (bool, error) {
		if len(topic) > 64 {
			topic = strings.ToValidUTF8(topic[:64], "") + "…"
		}
		return false, fmt.Errorf("%w %q: %s", ErrTopic, topic, why)
	}
	switch {
	case topic == "":
		return bad("it is empty")
	case len(topic) > MaxTopic:
		return bad(fmt.Sprintf("it has %d bytes, allowed are %d", len(topic), MaxTopic))
	}
	begin := 0
	for i := 0; i <= len(topic); i++ {
		if i < len(topic) {
			if c := topic[i]; c != '.' {
				if c <= ' ' || c == 0x7f || c >= utf8.RuneSelf {
					return checkSlow(topic, pattern, bad)
				}
				continue
			}
		}
		token := topic[begin:i]
		begin = i + 1
		w, why := checkToken(token, i == len(topic), pattern)
		if why != "" {
			return bad(why)
		}
		wild = wild || w
	}
	return wild, nil
}

func checkToken(token string, last, pattern bool) (wild bool, why string) {
	switch {
	case token == "":
		return false, "there is an empty part; write parts with single dots between them"
	case token != one && token != rest && !strings.ContainsAny(token, "*>"):
		return false, ""
	case !pattern:
		return false, "it has a wildcard; publish to one topic, wildcards are for subscribing"
	case token == rest && !last:
		return false, `">" stands only at the end`
	case token != one && token != rest:
		return false, "a wildcard stands for a whole part between dots"
	}
	return true, ""
}

// checkSlow is check for topics with bytes that are not plain.
func checkSlow(topic string, pattern bool, bad func(string) (bool, error)) (wild bool, err error) {
	if !utf8.ValidString(topic) {
		return bad("it is not valid UTF-8")
	}
	for _, r := range topic {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return bad("it has white space or a control character")
		}
	}
	for more, token := true, ""; more; {
		token, topic, more = strings.Cut(topic, ".")
		w, why := checkToken(token, !more, pattern)
		if why != "" {
			return bad(why)
		}
		wild = wild || w
	}
	return wild, nil
}

// Match reports whether a topic matches a pattern; both are in order.
func Match(pattern, topic string) bool {
	for {
		p, patterns, moreP := strings.Cut(pattern, ".")
		t, topics, moreT := strings.Cut(topic, ".")
		switch {
		case p == rest && !moreP:
			return true
		case p != one && p != t, moreP != moreT:
			return false
		case !moreP:
			return true
		}
		pattern, topic = patterns, topics
	}
}
