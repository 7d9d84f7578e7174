undefined: {{ {}.__class__ }}
