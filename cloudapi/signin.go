package cloudapi

import (
	"time"

	"github.com/grovecloud/grove"
)

// The kinds of login answer that hand over no tokens.
const (
	LoginVerifyCode = "verifyCode" // a code was mailed; log in with it
	LoginTFA        = "tfa"        // send tfaKey and a code of the authenticator app
)

// MailCodeRequest is POST /v1/user-service/user/sendemail/code.
type MailCodeRequest struct {
	Email string `json:"email"`
	Type  string `json:"type,omitempty"` // codeLogin
}

// SMSCodeRequest is POST /v1/user-service/user/sendsmscode. There are no phones
// here: what is named is an account, and the code goes by mail.
type SMSCodeRequest struct {
	Phone string `json:"phone"`
	Type  string `json:"type,omitempty"`
}

// CodeSent is the answer to both, whether there is such an account or not.
type CodeSent struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
}

// TFARequest is POST /api/sign-in/tfa: the key of the login and a code of the
// authenticator app or a recovery code.
type TFARequest struct {
	Key  grove.Secret `json:"tfaKey"`
	Code string       `json:"tfaCode"`
}

// SecurityChange is PUT /v1/grove-service/users/me/security.
type SecurityChange struct {
	Proof
	Mode grove.LoginMode `json:"mode"` // password or code
}

// Proof is in the body of calls that want to know again that it is the account's
// owner who asks: POST /v1/grove-service/users/me/sessions/current/confirm and others.
type Proof struct {
	Password grove.Secret `json:"password"`
	Code     string       `json:"code,omitempty"` // of the authenticator app, or a recovery code; where the account has an app
}

// SessionConfirmed is the answer to POST …/sessions/current/confirm.
type SessionConfirmed struct {
	ConfirmedUntil time.Time `json:"confirmed_until"`
}

// TOTPConfirmation is POST /v1/grove-service/users/me/totp/confirm.
type TOTPConfirmation struct {
	Code string `json:"code"` // of the app, of now
}

// Security is how an account is protected.
type Security struct {
	Mode          grove.LoginMode `json:"mode"`
	TOTP          bool            `json:"totp"`
	TOTPSince     time.Time       `json:"totp_since,omitzero"`
	RecoveryCodes int             `json:"recovery_codes_left"`
	MinPassword   int             `json:"min_password"` // characters of a new password, at least
	Mail          bool            `json:"mail"`         // false: letters go to the server's log and to owners
}

// Enrolment is what an authenticator app must be told.
type Enrolment struct {
	Secret grove.Secret `json:"secret"` // to type
	URL    grove.Secret `json:"url"`    // otpauth://…
	QR     grove.Secret `json:"qr"`     // the URL as a QR code: rows of 0 and 1, which is dark; leave a margin of four around it
}

// RecoveryCodes are told this once.
type RecoveryCodes struct {
	Codes []grove.Secret `json:"recovery_codes"`
}

// Letter is what the server could not mail, because no mail is set up.
type Letter struct {
	To      string       `json:"account"`
	Subject string       `json:"subject"`
	Text    string       `json:"text"`
	Code    grove.Secret `json:"code,omitempty"` // the code in the text
	Until   time.Time    `json:"expires_at"`
}

// Ticket is GET /v1/user-service/user/ticket. Both texts are the same.
type Ticket struct {
	Ticket  grove.Secret `json:"ticket"`
	Pincode grove.Secret `json:"pincode"`
}

// TicketRequest is the body that clients send with a ticket that is in the path.
type TicketRequest struct {
	Ticket string `json:"ticket,omitempty"`
}

// TicketState is GET /v1/user-service/my/ticket/{ticket}.
type TicketState struct {
	Source string `json:"source"` // TicketOfWeb or TicketOfDevice
	Valid  bool   `json:"isValid"`
}

// The sources of tickets. That of a device is its PIN.
const (
	TicketOfWeb    = "web"
	TicketOfDevice = "device"
)

// AccessByTicket is the accessMethod of a login by ticket.
const AccessByTicket = "ticket"

// TicketLogin is POST /v1/user-service/user/ticket/{ticket}. The slicer reads all
// keys of a login and stops at a missing one.
type TicketLogin struct {
	Login
	FirstAppLogin bool `json:"firstAppLogin"`
}

// PincodeRequest is the body of POST /v1/user-service/my/pincode/{pin}.
type PincodeRequest struct {
	Pincode grove.Secret `json:"pincode,omitempty"`
}

// Paired is its answer: the printer that the PIN was of.
type Paired struct {
	DeviceID string `json:"deviceId"`
}

// PrinterPIN is the answer to POST /v1/grove-service/printers/{serial}/pin.
type PrinterPIN struct {
	DeviceID  string       `json:"device_id"`
	PIN       grove.Secret `json:"pin"` // six letters and digits
	ExpiresAt time.Time    `json:"expires_at"`
}

// SlicerMessage is what the sign-in page tells the slicer whose window it is in.
type SlicerMessage struct {
	Command string      `json:"command"` // user_login or user_ticket_login
	Data    SlicerLogin `json:"data"`
}

// SlicerLogin is tokens with their user, or a ticket. The slicer reads the lives, in
// seconds, as text.
type SlicerLogin struct {
	Token            grove.Secret `json:"token,omitempty"`
	RefreshToken     grove.Secret `json:"refresh_token,omitempty"`
	ExpiresIn        string       `json:"expires_in,omitempty"`
	RefreshExpiresIn string       `json:"refresh_expires_in,omitempty"`
	User             *SlicerUser  `json:"user,omitempty"`
	Ticket           grove.Secret `json:"ticket,omitempty"`
}

// SlicerUser is who signed in.
type SlicerUser struct {
	UID     string `json:"uid"`
	Name    string `json:"name"`
	Account string `json:"account"`
	Avatar  string `json:"avatar"`
}
