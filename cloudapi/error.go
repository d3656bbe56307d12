package cloudapi

import (
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

// Application codes of the specification. Other errors carry their HTTP status.
const (
	CodeInvalidToken   = 1001
	CodeTokenExpired   = 1002
	CodeDeviceNotFound = 1003
	CodeDeviceOffline  = 1004
	CodePrintFailed    = 1005
	CodeUploadFailed   = 1006
	// CodeIncorrect is the login call's own, with status 400: a wrong password or code.
	CodeIncorrect = 2
	// CodeExpiredCode and CodeLoginFailed are so too: a code that is too old, and a
	// second step that is wrong in any way.
	CodeExpiredCode = 1
	CodeLoginFailed = 5
	// CodeQuotaExhausted is how slicers know that no more presets are taken.
	CodeQuotaExhausted = 14
	// codeLoginRequired is what the vendor's cloud was seen to send with a 401.
	codeLoginRequired = 4
)

// incorrectCode tells a wrong code from a wrong password: their number is the same.
const incorrectCode = "Incorrect code"

// Reasons that have a status of their own and only arise at an HTTP face.
const (
	ReasonMethodNotAllowed = "method_not_allowed" // 405
	ReasonUnsupportedMedia = "unsupported_media"  // 415
	ReasonBadParameters    = "bad_parameters"     // 422: the slicer's presets answer so
)

// Error is the body of every answer that is not a success, on both faces. Code is
// an integer and Name a string because typed clients fail on anything else.
type Error struct {
	Code    int     `json:"code"`
	Message string  `json:"message"`
	Name    string  `json:"error"`
	Details Details `json:"details"`
	// Detail repeats the message where the vendor's answer has nothing else.
	Detail string `json:"detail,omitempty"`
}

// badParameters is what the vendor's cloud was seen to say with a 422.
const badParameters = "Invalid input parameters"

// Details say what happened, why and what to do.
type Details struct {
	Reason     string            `json:"reason"`
	RequestID  string            `json:"request_id"`
	Cause      string            `json:"cause,omitempty"`       // stable word for programs: grove.Error's Reason
	RetryAfter int               `json:"retry_after,omitempty"` // seconds
	Fields     map[string]string `json:"fields,omitempty"`      // what is wrong with which field
}

// wire is one row of the code table.
type wire struct {
	status  int
	code    int
	name    string
	message string
}

// reasons are the rows found by reason. A status of 0 is filled in from the kind
// of the error, 422 standing for a request that can never succeed.
func reasons(reason string) (wire, bool) {
	switch reason {
	case grove.ReasonTokenInvalid:
		return wire{http.StatusUnauthorized, CodeInvalidToken, "TOKEN_INVALID", "Invalid token. Please login."}, true
	case grove.ReasonTokenExpired:
		return wire{http.StatusUnauthorized, CodeTokenExpired, "TOKEN_EXPIRED", "Token expired. Please login."}, true
	case grove.ReasonPrinterNotFound:
		return wire{http.StatusNotFound, CodeDeviceNotFound, "DEVICE_NOT_FOUND", "Device not found"}, true
	case grove.ReasonPrinterOffline:
		return wire{http.StatusConflict, CodeDeviceOffline, "DEVICE_OFFLINE", "Device offline"}, true
	case grove.ReasonPrintFailed:
		return wire{0, CodePrintFailed, "PRINT_JOB_FAILED", "Print job failed"}, true
	case grove.ReasonUploadFailed:
		return wire{0, CodeUploadFailed, "FILE_UPLOAD_FAILED", "File upload failed"}, true
	case grove.ReasonDiskFull:
		return wire{http.StatusInsufficientStorage, http.StatusInsufficientStorage, "DISK_FULL", "Insufficient storage"}, true
	case grove.ReasonWrongPassword:
		return wire{http.StatusBadRequest, CodeIncorrect, "Incorrect password", "Incorrect password"}, true
	case grove.ReasonWrongCode:
		return wire{http.StatusBadRequest, CodeIncorrect, incorrectCode, incorrectCode}, true
	case grove.ReasonRepeatDiffers:
		return wire{http.StatusUnprocessableEntity, http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED", "Idempotency key reused"}, true
	case grove.ReasonCodeExpired:
		return wire{http.StatusBadRequest, CodeExpiredCode, "Code expired", "Code expired"}, true
	case grove.ReasonLoginFailed:
		return wire{http.StatusBadRequest, CodeLoginFailed, "Login failed", "Login failed"}, true
	case grove.ReasonQuotaExhausted:
		return wire{http.StatusForbidden, CodeQuotaExhausted, "QUOTA_EXHAUSTED", "Quota exhausted"}, true
	case ReasonBadParameters:
		return wire{http.StatusUnprocessableEntity, http.StatusUnprocessableEntity, "INVALID_PARAMETERS", badParameters}, true
	case ReasonMethodNotAllowed:
		return wire{http.StatusMethodNotAllowed, http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", "Method not allowed"}, true
	case ReasonUnsupportedMedia:
		return wire{http.StatusUnsupportedMediaType, http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "Unsupported media type"}, true
	}
	return wire{}, false
}

// kinds are the rows found by the kind of the error. There is no default, so that
// the linter finds a new kind without a row.
func kinds(code grove.Code) wire {
	switch code {
	case grove.Invalid:
		return wire{http.StatusBadRequest, http.StatusBadRequest, "BAD_REQUEST", "Bad request"}
	case grove.Unauthenticated:
		return wire{http.StatusUnauthorized, http.StatusUnauthorized, "UNAUTHORIZED", "Unauthorized. Please login."}
	case grove.Forbidden:
		return wire{http.StatusForbidden, http.StatusForbidden, "FORBIDDEN", "Forbidden"}
	case grove.NotFound:
		return wire{http.StatusNotFound, http.StatusNotFound, "NOT_FOUND", "Not found"}
	case grove.Conflict:
		return wire{http.StatusConflict, http.StatusConflict, "CONFLICT", "Conflict"}
	case grove.TooLarge:
		return wire{http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, "TOO_LARGE", "Too large"}
	case grove.Limited:
		return wire{http.StatusTooManyRequests, http.StatusTooManyRequests, "RATE_LIMITED", "Too many requests"}
	case grove.Unavailable:
		return wire{http.StatusServiceUnavailable, http.StatusServiceUnavailable, "UNAVAILABLE", "Service unavailable"}
	case grove.Internal:
	}
	return wire{http.StatusInternalServerError, http.StatusInternalServerError, "INTERNAL", "Internal server error"}
}

// row finds the row of an error: by its reason first, then by its kind.
func row(e *grove.Error) wire {
	kind := kinds(e.Code)
	w, ok := reasons(e.Reason)
	if !ok {
		return kind
	}
	if w.status == 0 {
		w.status = kind.status
		if e.Code == grove.Invalid {
			w.status = http.StatusUnprocessableEntity
		}
	}
	return w
}

// ToWire turns an error into the status and the body that tell it. The words of an
// internal error stay inside; its request id leads to the log.
func ToWire(err error, requestID string) (status int, body Error) {
	e := grove.AsError(err)
	w := row(e)
	d := Details{Reason: e.Message, RequestID: requestID, Cause: e.Reason, Fields: e.Fields}
	if w.status == http.StatusInternalServerError {
		d.Reason = "something went wrong inside the server; its log has more under this request id"
		d.Cause, d.Fields = "internal", nil
	}
	if d.Reason == "" {
		d.Reason = w.message
	}
	if e.RetryAfter > 0 {
		d.RetryAfter = Seconds(e.RetryAfter)
	}
	body = Error{Code: w.code, Message: w.message, Name: w.name, Details: d}
	if e.Reason == ReasonBadParameters {
		body.Detail = w.message
	}
	return w.status, body
}

// Seconds rounds a wait up to whole seconds, since a client that comes early is
// refused again.
func Seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// FromWire is the way back, for clients: what an answer with this status and body
// means. It also reads what the vendor's own cloud sends: other codes, codes that
// are null, plain text, nothing at all.
func FromWire(status int, body []byte) *grove.Error {
	var in struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Name    string          `json:"error"`
		Details json.RawMessage `json:"details"`
	}
	var details Details
	if json.Unmarshal(body, &in) != nil {
		in.Message = excerpt(body)
	} else if len(in.Details) > 0 && json.Unmarshal(in.Details, &details) != nil {
		details = Details{}
	}
	e := &grove.Error{
		Code:       kindOf(status),
		Reason:     details.Cause,
		Message:    firstText(details.Reason, in.Message, in.Name, strings.ToLower(http.StatusText(status))),
		Fields:     details.Fields,
		RetryAfter: time.Duration(details.RetryAfter) * time.Second,
	}
	if e.Reason == "" {
		e.Reason = reasonOf(status, in.Code, in.Name)
	}
	return e
}

// reasonOf is the reason that an answer's code stands for; empty when the status
// alone is known. The codes 2 and 4 are the vendor's.
func reasonOf(status, code int, name string) string {
	switch code {
	case CodeInvalidToken, codeLoginRequired:
		return grove.ReasonTokenInvalid
	case CodeTokenExpired:
		return grove.ReasonTokenExpired
	case CodeDeviceNotFound:
		return grove.ReasonPrinterNotFound
	case CodeDeviceOffline:
		return grove.ReasonPrinterOffline
	case CodePrintFailed:
		return grove.ReasonPrintFailed
	case CodeUploadFailed:
		return grove.ReasonUploadFailed
	case CodeQuotaExhausted:
		return grove.ReasonQuotaExhausted
	}
	if reason := reasonOfLogin(code, name); reason != "" && status == http.StatusBadRequest {
		return reason
	}
	return reasonOfStatus(status)
}

// reasonOfLogin reads the codes of the login calls.
func reasonOfLogin(code int, name string) string {
	switch code {
	case CodeIncorrect:
		if name == incorrectCode {
			return grove.ReasonWrongCode
		}
		return grove.ReasonWrongPassword
	case CodeExpiredCode:
		return grove.ReasonCodeExpired
	case CodeLoginFailed:
		return grove.ReasonLoginFailed
	}
	return ""
}

func reasonOfStatus(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return grove.ReasonNoCredential
	case http.StatusMethodNotAllowed:
		return ReasonMethodNotAllowed
	case http.StatusUnsupportedMediaType:
		return ReasonUnsupportedMedia
	case http.StatusTooManyRequests:
		return grove.ReasonRateLimited
	case http.StatusInsufficientStorage:
		return grove.ReasonDiskFull
	}
	return ""
}

// kindOf is the kind of error that a status stands for.
func kindOf(status int) grove.Code {
	switch status {
	case http.StatusUnauthorized:
		return grove.Unauthenticated
	case http.StatusForbidden:
		return grove.Forbidden
	case http.StatusNotFound, http.StatusGone:
		return grove.NotFound
	case http.StatusConflict:
		return grove.Conflict
	case http.StatusRequestEntityTooLarge:
		return grove.TooLarge
	case http.StatusTooManyRequests:
		return grove.Limited
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusInsufficientStorage:
		return grove.Unavailable
	}
	if status >= http.StatusInternalServerError {
		return grove.Internal
	}
	return grove.Invalid
}

// firstText is the first text that says something.
func firstText(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return "no reason given"
}

// excerpt is the beginning of an answer that is not JSON, fit for a message.
func excerpt(body []byte) string {
	const most = 200
	text := strings.ToValidUTF8(string(body[:min(len(body), most)]), "")
	return strings.Join(strings.Fields(text), " ")
}
