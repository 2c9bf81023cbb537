// Makes docs/api.md shorter: the objects of a union are listed by their `kind`, and their code is not repeated above.
// Methods are listed where they are declared, and not again wherever they are inherited.
import { Converter, IntersectionType, ReflectionKind, ReflectionType, UnionType } from 'typedoc';
import { MarkdownTheme, MarkdownThemeContext } from 'typedoc-plugin-markdown';

class Context extends MarkdownThemeContext {
  constructor(...args) {
    super(...args);
    const { declarationTitle } = this.partials;
    this.partials.declarationTitle = (model) =>
      model.type instanceof UnionType &&
      model.type.types.some((type) => this.helpers.hasUsefulTypeDetails(type))
        ? ''
        : declarationTitle(model);
    this.partials.typeDeclarationUnionContainer = (model, options) =>
      Object.keys(model.type.types)
        .map((at) => this.#member(model, at, options))
        .join('\n\n');
  }

  #member({ type: { types, elementSummaries } }, at, { headingLevel }) {
    const parts = types[at] instanceof IntersectionType ? types[at].types : [types[at]];
    const declarations = parts
      .filter((part) => part instanceof ReflectionType)
      .map(({ declaration }) => declaration);
    const others = parts.filter((part) => !(part instanceof ReflectionType));
    const fields = declarations.flatMap(({ children }) => children ?? []);
    const kind = fields.find(({ name }) => name === 'kind');
    const rest = fields.filter((field) => field !== kind);
    const named = others.map((part) => this.partials.someType(part)).join(' and ');
    return [
      `${'#'.repeat(headingLevel + 1)} ${kind ? this.partials.someType(kind.type) : named}`,
      elementSummaries?.[at] && this.helpers.getCommentParts(elementSummaries[at]),
      kind && named && `With all properties of ${named}.`,
      rest.length > 0 && this.partials.typeDeclarationTable(rest, {}),
    ]
      .filter(Boolean)
      .join('\n\n');
  }
}

export function load({ converter, renderer }) {
  converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const method of project.getReflectionsByKind(ReflectionKind.Method)) {
      if (method.inheritedFrom) {
        project.removeReflection(method);
      }
    }
  });
  class Theme extends MarkdownTheme {
    getRenderContext(page) {
      return new Context(this, page, this.application.options);
    }
  }
  renderer.defineTheme('short', Theme);
}
