package grove

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of failure an [Error] is. It is itself an error, so that
// callers on both ends of the wire write errors.Is(err, grove.NotFound).
type Code string

// The codes. Each face has one table that turns them into its own answers.
const (
	// Invalid: the request can never succeed as it is; Fields says where.
	Invalid Code = "invalid"
	// Unauthenticated: we do not know who is asking.
	Unauthenticated Code = "unauthenticated"
	// Forbidden: we know who is asking, and they may not.
	Forbidden Code = "forbidden"
	// NotFound: no such thing, or none the asker may see.
	NotFound Code = "not_found"
	// Conflict: not in this state: job done, printer offline, name taken.
	Conflict Code = "conflict"
	// TooLarge: over a limit on size.
	TooLarge Code = "too_large"
	// Limited: too fast; RetryAfter says how long to wait.
	Limited Code = "limited"
	// Unavailable: a part of ours is down or full; try again.
	Unavailable Code = "unavailable"
	// Internal: everything else. Its message is withheld from users.
	Internal Code = "internal"
)

// Error makes a Code usable as the target of errors.Is.
func (c Code) Error() string { return string(c) }

// Reasons that faces and clients tell apart. A reason is a stable word for
// programs; new ones may be added where they are made, these few have a meaning
// beyond their place (the specification's codes 1001 to 1006, or a status).
const (
	ReasonNoCredential    = "no_credential"     //nolint:gosec // G101: the name of a reason, 401
	ReasonTokenInvalid    = "token_invalid"     // 1001: malformed, unknown or revoked
	ReasonTokenExpired    = "token_expired"     // 1002
	ReasonPrinterNotFound = "printer_not_found" // 1003: also a printer of somebody else
	ReasonPrinterOffline  = "printer_offline"   // 1004
	ReasonPrintFailed     = "print_failed"      // 1005: the file, the printer or the job forbids the print
	ReasonUploadFailed    = "upload_failed"     // 1006: the upload or its file was refused
	ReasonDiskFull        = "disk_full"         // 507
	ReasonWrongPassword   = "wrong_password"    // login's own answer
	ReasonWrongCode       = "wrong_code"        // the same, for a code instead of a password
	ReasonCodeExpired     = "code_expired"      // a code that was right and is too old
	ReasonLoginFailed     = "login_failed"      // the second step of a login, wrong in any way
	ReasonRateLimited     = "rate_limited"      // 429
	ReasonRepeatDiffers   = "repeat_differs"    // 422: an Idempotency-Key was used for another request
	ReasonQuotaExhausted  = "quota_exhausted"   // 14: as many are kept as may be
	ReasonCodeWanted      = "code_wanted"       // the password was right, and a code of the authenticator app is wanted too
	ReasonUnconfirmed     = "unconfirmed"       // the person must prove again that it is them, and may then
	ReasonSettling        = "printer_settling"  // what the printer just reported is not stored yet; soon over
	ReasonStorageBusy     = "storage_busy"      // another file goes to or from the printer's storage
	ReasonAnotherPrint    = "another_print"     // the printer is surely not at the print that is meant
	ReasonTagsWrong       = "tags"              // too many, or one that is none
	ReasonAccountLocked   = "account_locked"    // 403: told only to who proved that it is theirs
)

// Error is the one error type. Code says the kind, Reason is a stable word for
// programs, Message is fit for the person who asked (what happened, why, what to
// do), Err is for the log alone.
type Error struct {
	Code       Code
	Reason     string
	Message    string
	Fields     map[string]string // what is wrong with which field of the request
	Values     map[string]any    // what Message is made of, for who says it in words of their own; nil where Reason says all
	RetryAfter time.Duration     // zero unless waiting helps
	Err        error
}

// Errorf makes an Error of the given kind and reason.
func Errorf(code Code, reason, format string, args ...any) *Error {
	return &Error{Code: code, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

// With adds what the message is made of.
func (e *Error) With(values map[string]any) *Error {
	e.Values = values
	return e
}

// Error gives the message and, for the log, the cause.
func (e *Error) Error() string {
	s := e.Message
	if s == "" {
		s = string(e.Code)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is this error's Code.
func (e *Error) Is(target error) bool {
	c, ok := target.(Code)
	return ok && c == e.Code
}

// AsError finds the *Error in err's chain. An error that is not ours becomes
// Internal, so that nobody outside reads a driver's text.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: Internal, Reason: "internal", Message: "something went wrong inside the server", Err: err}
}

// Wait is how long somebody has to wait as people say it, never shorter than it is:
// seconds up to a minute, then whole minutes, and hours from two on.
func Wait(d time.Duration) string {
	up := func(unit time.Duration) int64 { return int64((d + unit - 1) / unit) }
	switch {
	case d <= time.Minute:
		return fmt.Sprintf("%d s", up(time.Second))
	case d <= 2*time.Hour:
		return fmt.Sprintf("%d minutes", up(time.Minute))
	}
	return fmt.Sprintf("%d hours", up(time.Hour))
}

// HasReason reports whether err carries this reason.
func HasReason(err error, reason string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Reason == reason
}
