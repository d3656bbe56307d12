package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"github.com/grovecloud/grove"
)

const (
	secondLife    = 5 * time.Minute // from the password to the app's code
	totpPeriod    = 30              // seconds that a code of an app counts, as every app has it
	recoveryCodes = 10
	recoveryChars = 10 // of 32 kinds each: 50 bits
)

// SecondStep is what somebody shows after their password.
type SecondStep struct {
	Key    grove.Secret // of the first step
	Code   string       // of the app, or a recovery code
	Client string
	Remote string
}

// SecondStep ends a sign-in with a code of an authenticator app or a recovery
// code. Whatever is wrong, the answer is Invalid login_failed; Limited after too
// many failures. A key lets in once and dies of five wrong codes.
func (a *Access) SecondStep(ctx context.Context, s SecondStep) (Tokens, error) {
	t, err := a.secondStep(ctx, s)
	a.metrics.logins.WithLabelValues(outcome(err)).Inc()
	return t, err
}

func (a *Access) secondStep(ctx context.Context, s SecondStep) (Tokens, error) {
	hash := a.hashPass(grove.SecondPass, 0, string(s.Key))
	p, err := a.records.Pass(ctx, grove.SecondPass, hash)
	if err != nil {
		return Tokens{}, a.passError(err)
	}
	u, err := a.records.User(ctx, p.UserID)
	if err != nil {
		return Tokens{}, unavailable(fmt.Errorf("read user: %w", err))
	}
	try := a.seconds.attempt(u.Email, s.Remote)
	if err := try.refused(time.Now()); err != nil {
		return Tokens{}, err
	}
	if err := a.usePass(ctx, grove.SecondPass, hash, func(p *grove.Pass) { p.Tries++ }); err != nil {
		return Tokens{}, err
	}
	if err := a.checkSecond(ctx, try, u.ID, s.Code); err != nil {
		return Tokens{}, err
	}
	if err := a.usePass(ctx, grove.SecondPass, hash, func(p *grove.Pass) { p.UsedAt = time.Now().UTC() }); err != nil {
		return Tokens{}, err
	}
	try.succeeded(time.Now())
	return a.letIn(ctx, u, arrival{s.Client, s.Remote, time.Now()})
}

// checkSecond checks a code of the app or a recovery code, and counts a wrong one.
func (a *Access) checkSecond(ctx context.Context, try attempt, userID int64, code string) error {
	right, err := a.secondRight(ctx, userID, code)
	if err != nil {
		return unavailable(err)
	}
	if !right {
		try.failed(time.Now())
		return loginFailed("the code is not right, or was used before; wait for the next one")
	}
	return nil
}

// usePass changes an open pass; login_failed when there is none, it is too old, was
// used or is dead of too many guesses.
func (a *Access) usePass(ctx context.Context, kind grove.PassKind, hash string, change func(*grove.Pass)) error {
	_, err := a.records.UpdatePass(ctx, kind, hash, func(p *grove.Pass) error {
		open := p.Open(time.Now())
		change(p)
		if !open || p.Tries > passTries {
			return grove.Errorf(grove.NotFound, "pass_over", "this code or link counts no more")
		}
		return nil
	})
	return a.passError(err)
}

// secondRight tells codes of the app from recovery codes by their looks.
func (a *Access) secondRight(ctx context.Context, userID int64, typed string) (bool, error) {
	code := plainCode(typed)
	if len(code) == otp.DigitsSix.Length() {
		return a.totpRight(ctx, userID, code)
	}
	hash := a.hashPass(grove.RecoveryPass, userID, code)
	right := false
	err := a.records.UpdatePasses(ctx, grove.RecoveryPass, userID, func(passes []*grove.Pass) error {
		right = redeem(passes, hash, time.Now().UTC()) == nil
		if !right {
			for _, p := range passes {
				p.Tries = 0 // fifty bits are not guessed, and must be there in need
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("use recovery code: %w", err)
	}
	return right, nil
}

// totpRight compares a code with those of now, of the step before and of the one
// after, because clocks differ. A step that was used once counts no more.
func (a *Access) totpRight(ctx context.Context, userID int64, code string) (bool, error) {
	right := false
	_, err := a.records.UpdateSignIn(ctx, userID, func(s *grove.SignIn) error {
		step, err := totpStep(s.TOTPSecret, code, time.Now())
		if err != nil {
			return err
		}
		right = step > s.TOTPStep
		s.TOTPStep = max(s.TOTPStep, step)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("use code of the app: %w", err)
	}
	return right, nil
}

// totpStep is the step whose code this is; 0 when it is none of about now.
func totpStep(secret grove.Secret, code string, now time.Time) (int64, error) {
	if secret == "" {
		return 0, nil
	}
	opts := totp.ValidateOpts{Period: totpPeriod, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}
	step := now.Unix() / totpPeriod
	for _, s := range []int64{step, step - 1, step + 1} {
		want, err := totp.GenerateCodeCustom(string(secret), time.Unix(s*totpPeriod, 0), opts)
		if err != nil {
			return 0, fmt.Errorf("make code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return s, nil
		}
	}
	return 0, nil
}

// Enrolment is what an authenticator app must be told.
type Enrolment struct {
	Secret grove.Secret // to type
	URL    grove.Secret // otpauth://…
	QR     grove.Secret // the URL as a QR code: rows of 0 and 1, which is dark, without the margin of four that must be around it
}

// EnrolTOTP makes a secret for an authenticator app. It is asked for at sign-in
// only once [Access.ConfirmTOTP] has seen that the app works.
func (a *Access) EnrolTOTP(ctx context.Context, actor grove.Actor, proof Proof) (Enrolment, error) {
	u, err := a.again(ctx, actor, proof)
	if err != nil {
		return Enrolment{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: a.name, AccountName: u.Email, SecretSize: 20})
	if err != nil {
		return Enrolment{}, fmt.Errorf("make secret: %w", err)
	}
	square, err := drawQR(key.URL())
	if err != nil {
		return Enrolment{}, err
	}
	_, err = a.records.UpdateSignIn(ctx, u.ID, func(s *grove.SignIn) error {
		if s.TOTP() {
			return grove.Errorf(grove.Conflict, "totp_on", "this account has an authenticator app already; remove that one first")
		}
		s.TOTPSecret, s.TOTPStep = grove.Secret(key.Secret()), 0
		return nil
	}, actor.Did("user.totp_enrol", ""))
	return Enrolment{Secret: grove.Secret(key.Secret()), URL: grove.Secret(key.URL()), QR: square}, err
}

// drawQR gives a text as a QR code, see [Enrolment].
func drawQR(text string) (grove.Secret, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("draw QR code: %w", err)
	}
	size := code.Bounds()
	rows := make([]string, 0, size.Dy())
	for y := size.Min.Y; y < size.Max.Y; y++ {
		row := make([]byte, 0, size.Dx())
		for x := size.Min.X; x < size.Max.X; x++ {
			dark := byte('0')
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				dark = '1'
			}
			row = append(row, dark)
		}
		rows = append(rows, string(row))
	}
	return grove.Secret(strings.Join(rows, "\n")), nil
}

// ConfirmTOTP switches the app on with a code of it, and gives the recovery codes,
// which are shown this once.
func (a *Access) ConfirmTOTP(ctx context.Context, actor grove.Actor, code string) ([]grove.Secret, error) {
	if err := person(actor); err != nil {
		return nil, err
	}
	_, err := a.records.UpdateSignIn(ctx, actor.UserID, func(s *grove.SignIn) error {
		if s.TOTP() {
			return grove.Errorf(grove.Conflict, "totp_on", "this account's authenticator app is on already")
		}
		step, err := totpStep(s.TOTPSecret, plainCode(code), time.Now())
		if err != nil {
			return err
		}
		if step == 0 {
			return wrongField("code", "this is not the app's code of now; look at the app and at the clock of its phone, or begin anew")
		}
		s.TOTPSince, s.TOTPStep = time.Now().UTC(), step
		return nil
	}, actor.Did("user.totp_on", ""))
	if err != nil {
		return nil, err
	}
	return a.newRecoveryCodes(ctx, actor)
}

// RenewRecoveryCodes gives new recovery codes; the ones before count no more.
func (a *Access) RenewRecoveryCodes(ctx context.Context, actor grove.Actor, proof Proof) ([]grove.Secret, error) {
	u, err := a.again(ctx, actor, proof)
	if err != nil {
		return nil, err
	}
	how, err := a.records.SignIn(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	if !how.TOTP() {
		return nil, grove.Errorf(grove.Conflict, "totp_off", "there are recovery codes only with an authenticator app, and this account has none")
	}
	return a.newRecoveryCodes(ctx, actor)
}

// RemoveTOTP takes the app and its recovery codes away.
func (a *Access) RemoveTOTP(ctx context.Context, actor grove.Actor, proof Proof) error {
	u, err := a.again(ctx, actor, proof)
	if err != nil {
		return err
	}
	return a.dropTOTP(ctx, u.ID, actor.Did("user.totp_off", ""))
}

func (a *Access) dropTOTP(ctx context.Context, userID int64, act grove.AuditEntry) error {
	_, err := a.records.UpdateSignIn(ctx, userID, func(s *grove.SignIn) error {
		s.TOTPSecret, s.TOTPSince = "", time.Time{}
		return nil
	}, act)
	if err != nil {
		return err
	}
	return a.records.DropPasses(ctx, grove.RecoveryPass, userID)
}

func (a *Access) newRecoveryCodes(ctx context.Context, actor grove.Actor) ([]grove.Secret, error) {
	codes := make([]grove.Secret, recoveryCodes)
	passes := make([]grove.Pass, recoveryCodes)
	for i := range codes {
		code := strings.ToLower(rand.Text()[:recoveryChars])
		codes[i] = grove.Secret(code[:recoveryChars/2] + "-" + code[recoveryChars/2:])
		passes[i] = begun(grove.Pass{Kind: grove.RecoveryPass, UserID: actor.UserID, Hash: a.hashPass(grove.RecoveryPass, actor.UserID, code)}, 0)
	}
	return codes, a.records.ReplacePasses(ctx, grove.RecoveryPass, actor.UserID, passes, actor.Did("user.recovery_codes", ""))
}

func loginFailed(why string) error {
	return grove.Errorf(grove.Invalid, grove.ReasonLoginFailed, "the sign-in failed: %s", why)
}
