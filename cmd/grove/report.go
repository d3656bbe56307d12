package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
)

// advised is an error with a way out that only a command line has.
type advised struct {
	error
	way string
}

// Unwrap gives the error itself.
func (a *advised) Unwrap() error { return a.error }

func advise(err error, format string, args ...any) error {
	return &advised{error: err, way: fmt.Sprintf(format, args...)}
}

// report prints an error for a person and gives its exit code.
func report(err error) int {
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	if _, ok := errors.AsType[untried](err); ok {
		fmt.Fprintln(os.Stderr, "grove:", err)
		return exitUntried
	}
	e, ok := errors.AsType[*grove.Error](err)
	if !ok {
		fmt.Fprintln(os.Stderr, "grove:", err)
		return exitInternal
	}
	fmt.Fprintln(os.Stderr, "grove:", words(e))
	if e.RetryAfter > 0 && !strings.Contains(e.Message, "again in") { // most servers say it themselves
		fmt.Fprintf(os.Stderr, "       Try again in %s.\n", e.RetryAfter)
	}
	if a, ok := errors.AsType[*advised](err); ok {
		fmt.Fprintf(os.Stderr, "       %s\n", a.way)
	}
	if c, ok := errors.AsType[*client.Error](err); ok && c.Status >= http.StatusInternalServerError && c.RequestID != "" {
		fmt.Fprintf(os.Stderr, "       The request is %s in the server's log.\n", c.RequestID)
	}
	return exitCode(e.Code)
}

// words are an error's message with its cause set apart.
func words(e *grove.Error) string {
	if e.Message == "" || e.Err == nil {
		return e.Error()
	}
	return fmt.Sprintf("%s\n       (%v)", e.Message, e.Err)
}

func exitCode(code grove.Code) int {
	switch code {
	case grove.Invalid, grove.TooLarge:
		return exitInvalid
	case grove.Unauthenticated, grove.Forbidden:
		return exitForbidden
	case grove.NotFound:
		return exitNotFound
	case grove.Conflict:
		return exitConflict
	case grove.Limited, grove.Unavailable:
		return exitUnavailable
	case grove.Internal:
	}
	return exitInternal
}
