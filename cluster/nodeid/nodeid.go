// Package nodeid is the identity of a node: its stable name, and which of its lives is meant.
//
// # Guarantees
//
//   - Incarnations of one name are ordered: a later life is greater, if it was told the greatest that others remember.
//   - The text form is read back exactly; names hold none of the characters that texts about nodes use.
//
// # Not guaranteed
//
//   - That a name is unique: two nodes may be started under one. The cluster refuses the second.
//   - That two lives started within one millisecond, without knowing of each other, are ordered by time: the random part
//     only makes them differ.
//
// # Limits
//
// Names up to [MaxName] bytes. Incarnations end in the year 10889.
package nodeid

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MaxName is the length of the longest node name, in bytes.
const MaxName = 128

// randomBits are at the low end of an incarnation.
const randomBits = 16

// Incarnation is one life of a name: a boot counter in the high 48 bits, 16 random bits below. 0 is no life.
type Incarnation uint64

// Next is the incarnation of a node that starts at now: the counter is the milliseconds since 1970, but greater than that of
// floor, the greatest incarnation known of the name.
func Next(now time.Time, floor Incarnation, random uint16) Incarnation {
	counter := uint64(max(now.UnixMilli(), 1))
	counter = max(counter, floor.Counter()+1)
	return Incarnation(counter<<randomBits | uint64(random))
}

// Counter is the boot counter.
func (i Incarnation) Counter() uint64 { return uint64(i) >> randomBits }

// String is the number in base 36.
func (i Incarnation) String() string { return strconv.FormatUint(uint64(i), 36) }

// ID is one life of one node.
type ID struct {
	Name        string
	Incarnation Incarnation
}

// String is name#incarnation.
func (id ID) String() string { return id.Name + "#" + id.Incarnation.String() }

// IsZero reports whether id is no node.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders by name, then by incarnation.
func (id ID) Compare(other ID) int {
	return cmp.Or(strings.Compare(id.Name, other.Name), cmp.Compare(id.Incarnation, other.Incarnation))
}

// Parse reads what [ID.String] writes.
func Parse(text string) (ID, error) {
	name, inc, ok := strings.Cut(text, "#")
	if !ok {
		return ID{}, fmt.Errorf("nodeid: %q is not name#incarnation", text)
	}
	n, err := strconv.ParseUint(inc, 36, 64)
	if err != nil || n == 0 || strconv.FormatUint(n, 36) != inc {
		return ID{}, fmt.Errorf("nodeid: %q: the incarnation is not a number in base 36", text)
	}
	if err := CheckName(name); err != nil {
		return ID{}, fmt.Errorf("nodeid: %q: %w", text, err)
	}
	return ID{name, Incarnation(n)}, nil
}

// CheckName says what is wrong with a node name. '@' and '/' are kept for names of other clusters and of processes, '#' for the
// incarnation, and PIDs stand in angle brackets.
func CheckName(name string) error {
	if name == "" {
		return errors.New("the node name is empty; give every node a name of its own")
	}
	if len(name) > MaxName {
		return fmt.Errorf("the node name is longer than %d bytes", MaxName)
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f || r == '\ufffd' || strings.ContainsRune(`@/#<>"`, r) {
			return fmt.Errorf("the node name holds %q; leave out white space, control characters and any of @ / # < > and quotes", r)
		}
	}
	return nil
}
