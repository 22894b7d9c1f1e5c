// [data-security-key="create|get"] is a form whose hidden field takes what a security key says; its button starts the talk.
// data-options holds what the server asks for. Where the browser has no security keys, the form stays hidden.
const decode = (text) => {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
};
const encode = (buffer) => {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
};

function readOptions(form) {
  const options = JSON.parse(form.dataset.options).publicKey;
  options.challenge = decode(options.challenge);
  if (options.user) options.user.id = decode(options.user.id);
  for (const listed of [options.excludeCredentials, options.allowCredentials]) {
    for (const one of listed ?? []) one.id = decode(one.id);
  }
  return options;
}

function written(credential) {
  const response = { clientDataJSON: encode(credential.response.clientDataJSON) };
  for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[part]) response[part] = encode(credential.response[part]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return {
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
  };
}

async function talk(form) {
  const failed = form.querySelector("[data-security-key-failed]");
  failed.hidden = true;
  try {
    const credential = await navigator.credentials[form.dataset.securityKey]({ publicKey: readOptions(form) });
    form.querySelector('input[type="hidden"][data-credential]').value = JSON.stringify(written(credential));
    form.submit();
  } catch {
    failed.hidden = false;
  }
}

// An address of numbers has no security keys (Web Authentication §5.1.2: a domain is needed).
const hasDomain = !/^[\d.]+$|:/.test(location.hostname);
if (window.PublicKeyCredential && hasDomain) {
  for (const form of document.querySelectorAll("[data-security-key]")) {
    (form.closest("[data-security-key-part]") ?? form).hidden = false;
    form.querySelector("[data-security-key-button]").addEventListener("click", () => talk(form));
  }
}
