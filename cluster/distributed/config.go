package distributed

import (
	"log/slog"
	"time"
)

// Config of a supervisor. The zero value is good.
type Config struct {
	// Now reads the clock; nil is time.Now.
	Now func() time.Time
	// Logger; nil is slog.Default.
	Logger *slog.Logger
}

func (c Config) filled() Config {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}
