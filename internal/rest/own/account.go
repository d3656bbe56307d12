package own

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/rest"
)

// proofNote is said of every call that takes a [cloudapi.Proof].
const proofNote = "Needs one's own password once more, and `code` of the authenticator app or a recovery code where one has an app: without it 400 with the cause `code_wanted`."

func (f *face) mountAccount(rt *rest.Router) {
	const tag = "account"
	rest.Handle(rt, get("/users/me", tag, "Who am I"), f.me)
	rest.Handle(rt, get("/users/me/security", tag, "How my account is protected"), f.security)
	mode := op(http.MethodPut, "/users/me/security", tag, "Say what I sign in with")
	mode.About = "`password`, or `code`: the password and then a code from an e-mail. " + proofNote
	rest.Handle(rt, mode, f.setMode)

	enrol := post("/users/me/totp", tag, "Begin to use an authenticator app")
	enrol.About = "The app is asked for once a code of it was sent to `confirm`. " + proofNote
	enrol.Status = http.StatusCreated
	rest.Handle(rt, enrol, f.enrol)
	confirm := post("/users/me/totp/confirm", tag, "Switch the authenticator app on with a code of it")
	confirm.About = "Answers the recovery codes, this once. Each works once, in place of the app's code."
	rest.Handle(rt, confirm, f.confirm)
	remove := post("/users/me/totp/remove", tag, "Do without the authenticator app")
	remove.About = proofNote
	rest.Handle(rt, remove, f.removeTOTP)
	renew := post("/users/me/recovery-codes", tag, "New recovery codes in place of the old")
	renew.About = proofNote
	rest.Handle(rt, renew, f.recoveryCodes)

	letters := fresh(get("/letters", tag, "What could not be mailed"))
	letters.About = "For owners of a server without mail: codes and links that are still of use, newest first."
	rest.Handle(rt, letters, f.letters)
}

func (f *face) me(ctx context.Context, _ *struct{}) (cloudapi.Data[grove.User], error) {
	u, err := f.Access.User(ctx, rest.Actor(ctx))
	return cloudapi.Of(u), err
}

func (f *face) security(ctx context.Context, _ *struct{}) (cloudapi.Data[cloudapi.Security], error) {
	s, err := f.Access.Security(ctx, rest.Actor(ctx))
	return cloudapi.Of(cloudapi.Security(s)), err
}

// proof is what was asked for again.
func proof(ctx context.Context, p cloudapi.Proof) access.Proof {
	return access.Proof{Password: p.Password, Code: p.Code, Remote: rest.Remote(ctx).String()}
}

type securityInput struct {
	Body cloudapi.SecurityChange
}

func (f *face) setMode(ctx context.Context, in *securityInput) (cloudapi.Data[cloudapi.Security], error) {
	s, err := f.Access.SetMode(ctx, rest.Actor(ctx), in.Body.Mode, proof(ctx, in.Body.Proof))
	return cloudapi.Of(cloudapi.Security(s)), err
}

type proofInput struct {
	Body cloudapi.Proof
}

func (f *face) enrol(ctx context.Context, in *proofInput) (cloudapi.Data[cloudapi.Enrolment], error) {
	e, err := f.Access.EnrolTOTP(ctx, rest.Actor(ctx), proof(ctx, in.Body))
	return cloudapi.Of(cloudapi.Enrolment(e)), err
}

func (f *face) confirm(ctx context.Context, in *struct{ Body cloudapi.TOTPConfirmation }) (cloudapi.Data[cloudapi.RecoveryCodes], error) {
	codes, err := f.Access.ConfirmTOTP(ctx, rest.Actor(ctx), in.Body.Code)
	return cloudapi.Of(cloudapi.RecoveryCodes{Codes: codes}), err
}

func (f *face) removeTOTP(ctx context.Context, in *proofInput) (done, error) {
	return ok(), f.Access.RemoveTOTP(ctx, rest.Actor(ctx), proof(ctx, in.Body))
}

func (f *face) recoveryCodes(ctx context.Context, in *proofInput) (cloudapi.Data[cloudapi.RecoveryCodes], error) {
	codes, err := f.Access.RenewRecoveryCodes(ctx, rest.Actor(ctx), proof(ctx, in.Body))
	return cloudapi.Of(cloudapi.RecoveryCodes{Codes: codes}), err
}

func (f *face) letters(ctx context.Context, _ *struct{}) (cloudapi.Data[[]cloudapi.Letter], error) {
	list, err := f.Access.Letters(ctx, rest.Actor(ctx))
	letters := make([]cloudapi.Letter, 0, len(list))
	for _, l := range list {
		letters = append(letters, cloudapi.Letter(l))
	}
	return cloudapi.Of(letters), err
}
