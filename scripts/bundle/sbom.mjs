// What the folder is made of, in the form that scanners read: a CycloneDX document.

/** The document as text. It has neither a serial number nor a time, so that the same input gives the same bytes. */
export function sbomOf(ownComponent, components) {
  const others = components.filter((component) => component !== ownComponent);
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', ...described(ownComponent) } },
    components: others.map((component) => ({ type: 'library', ...described(component) })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function described({ name, version, licence, purl, cpe }) {
  return { name, version, licenses: [{ license: { name: licence } }], purl, cpe };
}
