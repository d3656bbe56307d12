package cloudapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
)

func TestEveryErrorHasItsRowOnTheWire(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    error
		status int
		code   int
		name   string
	}{
		{grove.Errorf(grove.Unauthenticated, grove.ReasonNoCredential, "x"), 401, 401, "UNAUTHORIZED"},
		{grove.Errorf(grove.Unauthenticated, grove.ReasonTokenInvalid, "x"), 401, 1001, "TOKEN_INVALID"},
		{grove.Errorf(grove.Unauthenticated, grove.ReasonTokenExpired, "x"), 401, 1002, "TOKEN_EXPIRED"},
		{grove.Errorf(grove.NotFound, grove.ReasonPrinterNotFound, "x"), 404, 1003, "DEVICE_NOT_FOUND"},
		{grove.Errorf(grove.Conflict, grove.ReasonPrinterOffline, "x"), 409, 1004, "DEVICE_OFFLINE"},
		{grove.Errorf(grove.Invalid, grove.ReasonPrintFailed, "x"), 422, 1005, "PRINT_JOB_FAILED"},
		{grove.Errorf(grove.Conflict, grove.ReasonPrintFailed, "x"), 409, 1005, "PRINT_JOB_FAILED"},
		{grove.Errorf(grove.Invalid, grove.ReasonUploadFailed, "x"), 422, 1006, "FILE_UPLOAD_FAILED"},
		{grove.Errorf(grove.TooLarge, grove.ReasonUploadFailed, "x"), 413, 1006, "FILE_UPLOAD_FAILED"},
		{grove.Errorf(grove.Forbidden, grove.ReasonUploadFailed, "x"), 403, 1006, "FILE_UPLOAD_FAILED"},
		{grove.Errorf(grove.Unavailable, grove.ReasonDiskFull, "x"), 507, 507, "DISK_FULL"},
		{grove.Errorf(grove.Invalid, grove.ReasonWrongPassword, "x"), 400, 2, "Incorrect password"},
		{grove.Errorf(grove.Invalid, grove.ReasonWrongCode, "x"), 400, 2, "Incorrect code"},
		{grove.Errorf(grove.Invalid, grove.ReasonCodeExpired, "x"), 400, 1, "Code expired"},
		{grove.Errorf(grove.Invalid, grove.ReasonLoginFailed, "x"), 400, 5, "Login failed"},
		{grove.Errorf(grove.Forbidden, grove.ReasonQuotaExhausted, "x"), 403, 14, "QUOTA_EXHAUSTED"},
		{grove.Errorf(grove.Invalid, ReasonBadParameters, "x"), 422, 422, "INVALID_PARAMETERS"},
		{grove.Errorf(grove.Limited, grove.ReasonRateLimited, "x"), 429, 429, "RATE_LIMITED"},
		{grove.Errorf(grove.Invalid, ReasonMethodNotAllowed, "x"), 405, 405, "METHOD_NOT_ALLOWED"},
		{grove.Errorf(grove.Invalid, ReasonUnsupportedMedia, "x"), 415, 415, "UNSUPPORTED_MEDIA_TYPE"},
		{grove.Errorf(grove.Invalid, "page", "x"), 400, 400, "BAD_REQUEST"},
		{grove.Errorf(grove.Forbidden, "role", "x"), 403, 403, "FORBIDDEN"},
		{grove.Errorf(grove.NotFound, "job", "x"), 404, 404, "NOT_FOUND"},
		{grove.Errorf(grove.Conflict, "job_state", "x"), 409, 409, "CONFLICT"},
		{grove.Errorf(grove.TooLarge, "body", "x"), 413, 413, "TOO_LARGE"},
		{grove.Errorf(grove.Unavailable, "full", "x"), 503, 503, "UNAVAILABLE"},
		{grove.Errorf(grove.Internal, "bug", "x"), 500, 500, "INTERNAL"},
		{errors.New("the driver's words"), 500, 500, "INTERNAL"},
		{fmt.Errorf("read job: %w", grove.Errorf(grove.NotFound, "job", "x")), 404, 404, "NOT_FOUND"},
	}
	for _, tt := range tests {
		status, body := ToWire(tt.err, "r1")
		if status != tt.status || body.Code != tt.code || body.Name != tt.name {
			t.Errorf("%v: got %d %+v, want %d %d %s", tt.err, status, body, tt.status, tt.code, tt.name)
		}
		if body.Message == "" || body.Details.Reason == "" || body.Details.RequestID != "r1" {
			t.Errorf("%v: incomplete body %+v", tt.err, body)
		}
		if status == 401 && !strings.Contains(strings.ToLower(body.Message), "please login") {
			t.Errorf("%v: %q does not ask to log in", tt.err, body.Message)
		}
	}
}

func TestAnInternalErrorKeepsItsWordsInside(t *testing.T) {
	t.Parallel()
	_, body := ToWire(&grove.Error{Code: grove.Internal, Reason: "pq", Message: "secret", Fields: map[string]string{"a": "secret"}, Err: errors.New("secret")}, "r1")
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "secret") || strings.Contains(string(raw), "pq") {
		t.Errorf("told %s", raw)
	}
}

func TestAnErrorComesBackAsItWent(t *testing.T) {
	t.Parallel()
	reasons := []string{
		grove.ReasonNoCredential, grove.ReasonTokenInvalid, grove.ReasonTokenExpired, grove.ReasonPrinterNotFound,
		grove.ReasonPrinterOffline, grove.ReasonPrintFailed, grove.ReasonUploadFailed, grove.ReasonDiskFull,
		grove.ReasonWrongPassword, grove.ReasonWrongCode, grove.ReasonRateLimited, "job_state",
	}
	codes := map[string]grove.Code{
		grove.ReasonNoCredential: grove.Unauthenticated, grove.ReasonTokenInvalid: grove.Unauthenticated,
		grove.ReasonTokenExpired: grove.Unauthenticated, grove.ReasonPrinterNotFound: grove.NotFound,
		grove.ReasonPrinterOffline: grove.Conflict, grove.ReasonPrintFailed: grove.Invalid,
		grove.ReasonUploadFailed: grove.TooLarge, grove.ReasonDiskFull: grove.Unavailable,
		grove.ReasonWrongPassword: grove.Invalid, grove.ReasonWrongCode: grove.Invalid, grove.ReasonRateLimited: grove.Limited, "job_state": grove.Conflict,
	}
	for _, reason := range reasons {
		sent := &grove.Error{Code: codes[reason], Reason: reason, Message: "what, why, how", Fields: map[string]string{"a": "b"}, RetryAfter: 12 * time.Second}
		status, body := ToWire(sent, "r1")
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sent, FromWire(status, raw)); diff != "" {
			t.Errorf("%s (-sent +received):\n%s", reason, diff)
		}
	}
}

func TestTheVendorsOwnErrorsAreUnderstood(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		body   string
		want   *grove.Error
	}{
		{401, `{"code":4,"error":"Please login.","message":""}`, grove.Errorf(grove.Unauthenticated, grove.ReasonTokenInvalid, "Please login.")},
		{400, `{"code":2,"error":"Incorrect password"}`, grove.Errorf(grove.Invalid, grove.ReasonWrongPassword, "Incorrect password")},
		{400, `{"code":2,"error":"Incorrect code"}`, grove.Errorf(grove.Invalid, grove.ReasonWrongCode, "Incorrect code")},
		{400, `{"code":1,"error":"Code expired"}`, grove.Errorf(grove.Invalid, grove.ReasonCodeExpired, "Code expired")},
		{400, `{"code":5,"error":"Login failed"}`, grove.Errorf(grove.Invalid, grove.ReasonLoginFailed, "Login failed")},
		{403, `{"message":"permission denied","code":8,"error":"Resource forbidden"}`, grove.Errorf(grove.Forbidden, "", "permission denied")},
		{401, `{"code":1001,"message":"Invalid token","error":"TOKEN_INVALID","details":{"reason":"Token signature verification failed"}}`, grove.Errorf(grove.Unauthenticated, grove.ReasonTokenInvalid, "Token signature verification failed")},
		{404, `{"code":null,"message":null,"error":null}`, grove.Errorf(grove.NotFound, "", "not found")},
		{400, `field "version" is not set`, grove.Errorf(grove.Invalid, "", `field "version" is not set`)},
		{400, ``, grove.Errorf(grove.Invalid, "", "bad request")},
		{429, `{"error":"Rate limit exceeded","message":"x","details":"y"}`, grove.Errorf(grove.Limited, grove.ReasonRateLimited, "x")},
		{502, "<html>\n bad   gateway</html>", grove.Errorf(grove.Unavailable, "", "<html> bad gateway</html>")},
		{599, ``, grove.Errorf(grove.Internal, "", "no reason given")},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, FromWire(tt.status, []byte(tt.body))); diff != "" {
			t.Errorf("%d %s (-want +got):\n%s", tt.status, tt.body, diff)
		}
	}
}

func FuzzFromWire(f *testing.F) {
	f.Add(401, []byte(`{"code":4,"error":"Please login."}`))
	f.Add(500, []byte("\xff\xfe"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := FromWire(status, body)
		if e.Message == "" || e.Code == "" {
			t.Errorf("%d %q: an error without words: %+v", status, body, e)
		}
	})
}
