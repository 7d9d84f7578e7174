/** English: frame. */
export default {};
