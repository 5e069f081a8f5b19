package distributed

import (
	"errors"
	"log/slog"
	"time"
)

// Config of a supervisor. The zero value is good.
type Config struct {
	// Redistribute says what happens to children that run where they do not belong, because a node joined or came back: [Passive],
	// the default, leaves them; [Active] moves them, when no member has come or gone for Settle (0: 10 s), at most Rate per
	// second and node (0: 50).
	Redistribute Redistribution
	Settle       time.Duration
	Rate         int
	// Now reads the clock; nil is time.Now.
	Now func() time.Time
	// Logger; nil is slog.Default.
	Logger *slog.Logger
}

// Redistribution says whether children are moved because a node joined.
type Redistribution uint8

const (
	// Passive moves nothing by itself; see [Supervisor.Rebalance].
	Passive Redistribution = iota
	// Active moves what belongs elsewhere.
	Active
)

const (
	defaultSettle = 10 * time.Second
	defaultRate   = 50
)

// check says everything that is wrong with c.
func (c Config) check() error {
	var errs []error
	bad := func(field string, value any, why, cure string) {
		errs = append(errs, &ConfigError{"Config." + field, value, why, cure})
	}
	if c.Redistribute > Active {
		bad("Redistribute", c.Redistribute, "there is no such mode", "use Passive or Active")
	}
	if c.Settle < 0 {
		bad("Settle", c.Settle, "it is negative", "leave it out for 10 s")
	}
	if c.Rate < 0 {
		bad("Rate", c.Rate, "it is negative", "leave it out for 50 per second")
	}
	return errors.Join(errs...)
}

func (c Config) filled() Config {
	if c.Settle == 0 {
		c.Settle = defaultSettle
	}
	if c.Rate == 0 {
		c.Rate = defaultRate
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
