package lease

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

// Token is the fencing token of one activation: the greater one is the later one, whichever node and process it belongs to. It goes
// along with everything the holder of a name writes elsewhere, and the store refuses what comes with a lesser token than it has
// seen; see [Fence]. Zero is nobody's and less than all others.
//
// It is the index under which Consul wrote the activation, so it is below 1<<63 and fits a signed column.
type Token uint64

// Bytes is the token in eight bytes that compare as the tokens do. They stand where other activations of a cluster have their
// epoch, which comes first in their tokens.
func (t Token) Bytes() []byte { return binary.BigEndian.AppendUint64(nil, uint64(t)) }

// String is the token as a decimal number; [ParseToken] reads it back.
func (t Token) String() string { return strconv.FormatUint(uint64(t), 10) }

// ParseToken reads the text of [Token.String].
func ParseToken(text string) (Token, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || text != Token(n).String() {
		return 0, fmt.Errorf("lease: %.40q is no token: write a decimal number without sign and leading zeros", text)
	}
	return Token(n), nil
}

// ErrFenced: what was to be written comes from a holder that has had a successor since. It must not be tried again with the same
// token. The error is a [FencedError].
var ErrFenced = errors.New("lease: fenced off: the token is older than one seen before")

// FencedError says which token was refused.
type FencedError struct{ Token, Seen Token }

func (e *FencedError) Error() string {
	return fmt.Sprintf("lease: fenced off: the token %v is older than %v, seen before; stop: another activation holds the name", e.Token, e.Seen)
}

// Is makes the error an [ErrFenced].
func (e *FencedError) Is(target error) bool { return target == ErrFenced }

// Fence is what a store keeps for each name whose holders write to it: the greatest token seen. The zero Fence has seen none. It has no
// lock of its own, because it is worth something only if it is asked under the store's lock, with the write:
//
//	s.mu.Lock()
//	defer s.mu.Unlock()
//	if err := s.fence.Admit(token); err != nil {
//		return err
//	}
//	s.data[key] = value
//
// and must be kept as durably as what it guards. In a database it is a column:
//
//	UPDATE account SET balance = $1, token = $2 WHERE id = $3 AND token <= $2
type Fence struct{ seen Token }

// Admit takes a token, if none greater has been seen, and remembers it. The same token is good as often as it comes. Else the error
// is a [FencedError]. The zero token is always refused.
func (f *Fence) Admit(t Token) error {
	if t < f.seen || t == 0 {
		return &FencedError{Token: t, Seen: f.seen}
	}
	f.seen = t
	return nil
}

// Seen is the greatest token admitted, for keeping it; Admit of it restores a Fence.
func (f *Fence) Seen() Token { return f.seen }
